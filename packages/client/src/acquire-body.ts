import type { AcquireRequest } from "@sluice/core";
import type { AcquireBody } from "./shapes/requests.js";

/**
 * What an acquire asks for, but for its wait. The same one by whichever way it goes, so that the sidecar takes both
 * for the same acquire.
 */
export function bodyOf({ permits, priority, holder, leaseMs, create }: AcquireRequest): AcquireBody {
  return {
    permits,
    priority,
    holder,
    ...(leaseMs !== undefined && { leaseMs }),
    ...(create && {
      limit: create.limit,
      create: { leaseMs: create.leaseMs, maxWaiters: create.maxWaiters },
    }),
  };
}
