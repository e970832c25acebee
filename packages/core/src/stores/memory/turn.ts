import type { Answer, Notice } from "../operation.js";

/** One call of a ledger, as far as those who decide its operations need it. */
export interface Turn {
  readonly now: number;
  /** Whether a claim may restore a lease that is not known. */
  readonly recovering: boolean;
  /** Whether permits may be given out. */
  readonly granting: boolean;
  /** Takes what happens to others. */
  readonly notices: Notice[];
}

/** The answer about a lease that nobody knows any more. */
export const lapsed: Answer = { answer: "lost", reason: "lapsed" };

/** The answer to an acquire that does not wait. */
export function notNow({ granting }: Turn): Answer {
  return { answer: granting ? "timeout" : "withheld" };
}
