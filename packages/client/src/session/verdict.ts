import { notSent } from "../exchange.js";
import { Refused } from "../refused.js";
import { problemIn } from "../reply.js";
import type { End } from "./socket.js";

/** What to do after an attempt at a session that has failed. */
export type Verdict =
  /** The sidecar is away, and an attempt may succeed later. */
  | { readonly kind: "away"; readonly cause: Error; readonly nobodyListens: boolean }
  /** The sidecar does not want us. */
  | { readonly kind: "refused"; readonly cause: Error }
  /** Sessions do not get through, but plain HTTP may. */
  | { readonly kind: "plain"; readonly cause: Error };

const proxyFindsNobody: ReadonlySet<number> = new Set([502, 503, 504]);

/** @param isProven whether a session got through a short time ago, so that what stands between can carry them */
export function verdictOf(end: End, isProven: boolean): Verdict {
  if (end.how === "refused") return verdictOfReply(end.reply, isProven);
  const cause = end.cause ?? new Error("the session ended before it began");
  const { code = "" } = cause as NodeJS.ErrnoException;
  const nobodyListens = code === "ECONNREFUSED";
  if (notSent.has(code) || isProven) return { kind: "away", cause, nobodyListens };
  return { kind: "plain", cause };
}

function verdictOfReply(reply: Extract<End, { how: "refused" }>["reply"], isProven: boolean): Verdict {
  const problem = problemIn(reply);
  const cause = problem ? new Refused(problem) : new Error(`the session was answered with ${reply.status}`);
  switch (problem?.code) {
    case "STORE_UNAVAILABLE":
      return { kind: "away", cause, nobodyListens: false };
    case "UNAUTHENTICATED":
    case "FORBIDDEN":
      return { kind: "refused", cause };
    case undefined:
      if (isProven && proxyFindsNobody.has(reply.status))
        return { kind: "away", cause, nobodyListens: false };
      return { kind: "plain", cause };
    default:
      return { kind: "plain", cause };
  }
}
