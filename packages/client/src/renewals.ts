import type { Renewal, RenewResult } from "@sluice/core";
import { believedUntil } from "./belief.js";
import { MAX_RENEWALS } from "./limits.js";
import type { RenewAnswer } from "./shapes/answers.js";
import type { RenewBody } from "./shapes/requests.js";
import type { ClaimedLease } from "./shapes/session.js";
import { slices } from "./slices.js";

/** How many leases one claim carries: described with the longest names, so many stay below the 256 KB of a request. */
export const MAX_CLAIMS = 250;

/** The requests that carry `renewals`: one request renews up to 1,000 leases, all for the same time. */
export function renewBodies(renewals: readonly Renewal[]): RenewBody[] {
  const leasesByTime = new Map<number | undefined, string[]>();
  for (const { lease, leaseMs } of renewals) {
    const leases = leasesByTime.get(leaseMs) ?? [];
    leases.push(lease);
    leasesByTime.set(leaseMs, leases);
  }
  return [...leasesByTime].flatMap(([leaseMs, leases]) =>
    slices(leases, MAX_RENEWALS).map((slice) => ({
      leases: slice,
      ...(leaseMs !== undefined && { leaseMs }),
    })),
  );
}

/** The requests that claim leases: renewals that tell all of each, so that it can be restored where it was lost. */
export function claimBodies(claims: readonly ClaimedLease[]): RenewBody[] {
  return slices(claims, MAX_CLAIMS).map((leases) => ({ leases }));
}

/** Renewing is not waited for, and the lease is extended after the request was sent: `waitedMs` is 0. */
export function renewResults({ leases }: RenewAnswer, sentAt: number): RenewResult[] {
  return leases.map((result) =>
    result.renewed
      ? { lease: result.lease, renewed: true, validUntil: believedUntil(sentAt, 0, result.expiresInMs) }
      : { lease: result.lease, renewed: false, reason: result.reason },
  );
}
