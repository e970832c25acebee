import type { AcquireRequest, Claim, Grant } from "@sluice/core";
import type { ClaimAnswer, ClaimedLease } from "../shapes/session.js";
import { type Answer, isCount } from "./messages.js";

export type ClaimResult = ClaimAnswer["leases"][number];

/**
 * What a lease is claimed by: all that a sidecar needs to restore it where it was lost in a restart. The limit is the
 * one that was stored: what the holder would have created it with may be another, or nothing.
 */
export function claimOfGrant({ semaphore, holder }: AcquireRequest, grant: Grant): ClaimedLease {
  const { lease, permits, fence, leaseMs, limit } = grant;
  return { semaphore, lease, permits, fence, leaseMs, holder, limit };
}

/** A claim as a store's caller words it. */
export function claimOfCaller(semaphore: string, { lease, restore }: Claim): ClaimedLease {
  if (restore === undefined) return { semaphore, lease };
  const { permits, fence, leaseMs, holder, create } = restore;
  return { semaphore, lease, permits, fence, leaseMs, holder, ...(create && { limit: create.limit }) };
}

/** The results in the order of the claims, and when they were true. Undefined: no sidecar answers so. */
export function readClaims(
  answer: Answer,
  claims: readonly ClaimedLease[],
): { readonly at: number; readonly results: readonly ClaimResult[] } | undefined {
  const { at, leases } = answer as Partial<ClaimAnswer>;
  if (!isCount(at) || !Array.isArray(leases)) return undefined;
  const agree = claims.every(
    ({ lease }, index) => leases[index]?.lease === lease && isCount(leases[index].expiresInMs),
  );
  return agree ? { at, results: leases } : undefined;
}
