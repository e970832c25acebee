import type { Problem } from "@sluice/client/shapes";

/** The sidecar answered, and said no. Its message is meant for people. */
export class Refusal extends Error {
  readonly status: number;
  /** One of the codes of a problem; undefined where something else than a sidecar answered. */
  readonly code: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(status: number, problem: Partial<Problem>) {
    super(problem.detail ?? `the answer was ${status}, with no word why`);
    this.name = "Refusal";
    this.status = status;
    this.code = problem.code;
    this.retryAfterMs = problem.retryAfterMs;
  }
}

/** Nobody answered. */
export class Unreachable extends Error {
  constructor(cause: unknown) {
    super("the sidecar did not answer", { cause });
    this.name = "Unreachable";
  }
}

/** What an answer says that is no success. */
export async function refusalOf(response: Response): Promise<Refusal> {
  const problem: unknown = await response.json().catch(() => undefined);
  return new Refusal(response.status, isObject(problem) ? problem : {});
}

/** What went wrong, as a sentence for people. */
export function sentenceOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}${/[.!?…]$/.test(text) ? "" : "."}`;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
