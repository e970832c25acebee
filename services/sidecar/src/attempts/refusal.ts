import { type AcquireRequest, type Refusal, refusalError } from "@sluice/core";
import { HttpProblem } from "../http/problem.js";

type Asked = Pick<AcquireRequest, "semaphore" | "permits" | "waitMs">;

/** How an acquire that was not granted is told to its caller. */
export function refusalProblem(refusal: Refusal, request: Asked): HttpProblem {
  const { semaphore, permits } = request;
  const detail = () => refusalError(refusal, request).message;
  switch (refusal.outcome) {
    case "timeout":
      return quotaProblem("ACQUIRE_TIMEOUT", detail(), semaphore, { limit: refusal.limit });
    case "queue_full":
      return quotaProblem("QUEUE_FULL", detail(), semaphore, refusal);
    case "exceeds_limit":
      return new HttpProblem("PERMITS_EXCEED_LIMIT", detail(), { permits, limit: refusal.limit });
    case "unknown":
      return new HttpProblem("SEMAPHORE_UNKNOWN", detail());
    case "recovering":
      return new HttpProblem("RECOVERING", detail(), { retryAfterMs: refusal.retryAfterMs });
    case "reused":
      return new HttpProblem(
        "REQUEST_REUSED",
        "this Idempotency-Key was used for a request with another body",
      );
    case "superseded":
      return new HttpProblem(
        "REQUEST_SUPERSEDED",
        "a later request with this Idempotency-Key took its place",
      );
    case "aborted":
      return drainingProblem();
  }
}

/** Only a sidecar that is about to end takes a caller out of the queue. */
export function drainingProblem(): HttpProblem {
  const detail = "this sidecar is shutting down and grants nothing any more; ask again";
  return new HttpProblem("STORE_UNAVAILABLE", detail, {}, { connection: "close" });
}

function quotaProblem(
  code: "ACQUIRE_TIMEOUT" | "QUEUE_FULL",
  detail: string,
  semaphore: string,
  { limit, maxWaiters }: { readonly limit: number; readonly maxWaiters?: number },
): HttpProblem {
  return new HttpProblem(
    code,
    detail,
    { limit, ...(maxWaiters !== undefined && { maxWaiters }), "violated-policies": [semaphore] },
    { "ratelimit-policy": `"${semaphore}";q=${limit};qu="concurrent-requests"` },
  );
}
