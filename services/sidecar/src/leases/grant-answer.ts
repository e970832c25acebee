import type { AcquireAnswer } from "@sluice/client/shapes";
import type { Grant } from "@sluice/core";

/** Rounded down, so that nobody believes longer than the store does. */
export function answerOf(grant: Grant, semaphore: string, arrivedAt: number): AcquireAnswer {
  const { lease, permits, fence, leaseMs, limit, validUntil } = grant;
  const now = performance.now();
  const expiresInMs = Math.max(0, Math.floor(validUntil - now));
  const waitedMs = Math.floor(now - arrivedAt);
  return { lease, semaphore, permits, fence, leaseMs, expiresInMs, waitedMs, limit };
}
