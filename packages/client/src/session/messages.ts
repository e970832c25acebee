import type { Problem } from "../shapes/problem.js";
import type { ServerEvent } from "../shapes/session.js";

/** The fields of an answer. Whoever asked knows what they should be, and checks what it relies on. */
export type Answer = Readonly<Record<string, unknown>>;

/** What a sidecar says in a session. */
export type Heard =
  | { readonly kind: "event"; readonly event: ServerEvent }
  | { readonly kind: "answer"; readonly id: number; readonly answer: Answer }
  | { readonly kind: "refusal"; readonly id: number; readonly problem: Problem }
  /** Of a later release: nothing that this one has to know. */
  | { readonly kind: "other" };

/** Checked by hand: the schemas cost more than everything else that a message takes. Undefined: no sidecar says that. */
export function readMessage(text: string): Heard | undefined {
  const message = parse(text);
  if (message === undefined) return undefined;
  if (typeof message.event === "string") return readEvent(message.event, message);
  const { id, ok, problem } = message;
  if (typeof id !== "number") return { kind: "other" };
  if (ok === true) return { kind: "answer", id, answer: message };
  return isProblem(problem) ? { kind: "refusal", id, problem } : undefined;
}

function parse(text: string): Answer | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Answer) : undefined;
  } catch {
    return undefined;
  }
}

function readEvent(event: string, message: Answer): Heard | undefined {
  const isTrue = checks[event as ServerEvent["event"]];
  if (isTrue === undefined) return { kind: "other" };
  return isTrue(message) ? { kind: "event", event: message as ServerEvent } : undefined;
}

const checks: Readonly<Record<ServerEvent["event"], (message: Answer) => boolean>> = {
  session: ({ graceMs }) => isCount(graceMs),
  valid: ({ at, validForMs }) => isCount(at) && isCount(validForMs),
  lost: ({ semaphore, lease, reason }) =>
    typeof semaphore === "string" &&
    typeof lease === "string" &&
    (reason === "lapsed" || reason === "revoked"),
  draining: () => true,
};

function isProblem(value: unknown): value is Problem {
  const { code, detail } = (value ?? {}) as Partial<Problem>;
  return typeof code === "string" && typeof detail === "string";
}

export function isCount(value: unknown): value is number {
  return typeof value === "number" && value >= 0;
}
