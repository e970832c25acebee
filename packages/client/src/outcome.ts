import { type AcquireResult, type Grant, StoreUnavailableError } from "@sluice/core";
import { believedUntil } from "./belief.js";
import type { AcquireAnswer } from "./shapes/answers.js";
import type { Problem } from "./shapes/problem.js";

/** @throws StoreUnavailableError when the answer is none that a sidecar gives */
export function grantOf(answer: AcquireAnswer, sentAt: number): Grant {
  const { lease, permits, fence, leaseMs, limit, waitedMs, expiresInMs } = answer;
  const validUntil = believedUntil(sentAt, waitedMs, expiresInMs);
  if (typeof lease === "string" && Number.isFinite(validUntil) && Number.isFinite(fence)) {
    return { outcome: "granted", lease, permits, fence, leaseMs, validUntil, limit };
  }
  throw new StoreUnavailableError(
    `what is asked there is not a sidecar: it granted ${JSON.stringify(answer)}`,
  );
}

/** Undefined where the problem is no outcome of an acquire. */
export function outcomeOf(problem: Problem): AcquireResult | undefined {
  const { limit = 0, maxWaiters = 0, retryAfterMs = 0 } = problem;
  switch (problem.code) {
    case "ACQUIRE_TIMEOUT":
      return { outcome: "timeout", limit };
    case "QUEUE_FULL":
      return { outcome: "queue_full", limit, maxWaiters };
    case "PERMITS_EXCEED_LIMIT":
      return { outcome: "exceeds_limit", limit };
    case "SEMAPHORE_UNKNOWN":
      return { outcome: "unknown" };
    case "REQUEST_REUSED":
      return { outcome: "reused" };
    case "REQUEST_SUPERSEDED":
      return { outcome: "superseded" };
    case "RECOVERING":
      return { outcome: "recovering", retryAfterMs };
    default:
      return undefined;
  }
}
