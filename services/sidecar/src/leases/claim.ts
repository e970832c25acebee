import type { ClaimedLease } from "@sluice/client/shapes";
import type { Claim } from "@sluice/core";
import { definitionOf } from "../definition.js";

/** What the store is asked for where a holder tells of a lease that it was granted: it can be restored if all is told. */
export function claimOf(
  { lease, permits, fence, leaseMs, holder = "unknown", limit }: Omit<ClaimedLease, "semaphore">,
  attempt: string,
  { maxLeaseMs, mayMake }: { readonly maxLeaseMs: number; readonly mayMake: boolean },
): Claim {
  const told = permits !== undefined && fence !== undefined && leaseMs !== undefined;
  if (!told) return { lease, attempt };
  const create = limit === undefined || !mayMake ? undefined : definitionOf({ limit }, maxLeaseMs);
  return {
    lease,
    attempt,
    restore: { permits, fence, leaseMs: Math.min(leaseMs, maxLeaseMs), holder, create },
  };
}
