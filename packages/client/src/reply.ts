import { StoreUnavailableError } from "@sluice/core";
import type { Reply } from "./exchange.js";
import { Refused } from "./refused.js";
import type { Problem } from "./shapes/problem.js";
import { Unreachable } from "./unreachable.js";

/** Statuses of a proxy that finds no sidecar just now, or no time for us. */
const passing = new Set([408, 429, 502, 503, 504]);

/**
 * The answer in a reply, undefined where it has no body.
 *
 * @throws Refused with the sidecar's problem
 * @throws Unreachable when the sidecar's store is away, or a proxy says that the sidecar is
 * @throws StoreUnavailableError when whoever replied is no sidecar
 */
export function answerOf(reply: Reply): unknown {
  if (reply.status === 204) return undefined;
  const body = jsonOf(reply);
  if (reply.status >= 200 && reply.status < 300 && body !== undefined) return body;
  if (isProblem(body)) throw problemError(body);
  const what = `answered ${describe(reply)}`;
  if (passing.has(reply.status)) throw new Unreachable(what, { mayHaveArrived: true });
  throw new StoreUnavailableError(`what is asked there is not a sidecar: it ${what}`);
}

/** The sidecar's problem, where the reply is one. */
export function problemIn(reply: Reply): Problem | undefined {
  const body = jsonOf(reply);
  return isProblem(body) ? body : undefined;
}

function problemError(problem: Problem): Error {
  if (problem.code !== "STORE_UNAVAILABLE") return new Refused(problem);
  return new Unreachable(problem.detail, { mayHaveArrived: true });
}

function jsonOf({ contentType, text }: Reply): unknown {
  if (!/^application\/(?:problem\+)?json\b/i.test(contentType)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isProblem(body: unknown): body is Problem {
  const { code, detail } = (body ?? {}) as Partial<Problem>;
  return typeof code === "string" && typeof detail === "string";
}

/** What stands between us and the sidecar often says what is wrong, so its first words are quoted. */
function describe({ status, contentType, text }: Reply): string {
  const words = text
    .replace(/<[^>]*>/g, " ")
    .replace(/\s+/g, " ")
    .trim();
  return `${status} ${contentType || "without a content type"}: "${words.slice(0, 100)}"`;
}
