import type { Renewal, RenewResult } from "@sluice/core";
import { believedUntil } from "./belief.js";
import { MAX_RENEWALS } from "./limits.js";
import type { RenewAnswer } from "./shapes/answers.js";
import type { RenewBody } from "./shapes/requests.js";

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

/** Renewing is not waited for, and the lease is extended after the request was sent: `waitedMs` is 0. */
export function renewResults({ leases }: RenewAnswer, sentAt: number): RenewResult[] {
  return leases.map((result) =>
    result.renewed
      ? { lease: result.lease, renewed: true, validUntil: believedUntil(sentAt, 0, result.expiresInMs) }
      : { lease: result.lease, renewed: false, reason: result.reason },
  );
}

function slices<Item>(items: readonly Item[], size: number): Item[][] {
  const count = Math.ceil(items.length / size);
  return Array.from({ length: count }, (_, index) => items.slice(index * size, (index + 1) * size));
}
