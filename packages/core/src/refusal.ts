import {
  AcquireAbortedError,
  AcquireTimeoutError,
  PermitsExceedLimitError,
  QueueFullError,
  RecoveringError,
  SemaphoreUnknownError,
  type SluiceError,
  StoreIncompatibleError,
} from "./errors.js";
import type { AcquireRequest, AcquireResult, Grant } from "./store.js";

/** Every answer to an acquire but a grant. */
export type Refusal = Exclude<AcquireResult, Grant>;

/**
 * The error that tells a caller of its refusal. Every outcome has its line: a new one does not compile without.
 *
 * @param signal the caller's; its reason becomes the `cause` of an abort
 */
export function refusalError(
  refusal: Refusal,
  { semaphore, permits, waitMs }: Pick<AcquireRequest, "semaphore" | "permits" | "waitMs">,
  signal?: AbortSignal,
): SluiceError {
  switch (refusal.outcome) {
    case "timeout":
      return new AcquireTimeoutError(semaphore, waitMs, refusal.limit);
    case "aborted":
      return new AcquireAbortedError(semaphore, { cause: signal?.reason });
    case "queue_full":
      return new QueueFullError(semaphore, refusal.maxWaiters);
    case "exceeds_limit":
      return new PermitsExceedLimitError(semaphore, permits, refusal.limit);
    case "unknown":
      return new SemaphoreUnknownError(semaphore);
    case "recovering":
      return new RecoveringError(semaphore, refusal.retryAfterMs);
    case "reused":
    case "superseded":
      // Only a caller that names leases itself can repeat one; it knows these outcomes and does not come here.
      return new StoreIncompatibleError(
        `the store answered "${refusal.outcome}" to a lease of "${semaphore}" that was named for the first time`,
      );
  }
}
