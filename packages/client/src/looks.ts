import type { Definition, Snapshot } from "@sluice/core";
import type { SnapshotAnswer } from "./shapes/answers.js";

export function definedBy({ limit, leaseMs, maxWaiters, version }: SnapshotAnswer): {
  definition: Definition;
  version: number;
} {
  return { definition: { limit, leaseMs, maxWaiters }, version };
}

/** Lease ids are shown to those alone who may operate; to others they are empty. */
export function snapshotOf({ leases, cursor, ...rest }: SnapshotAnswer): Snapshot {
  return {
    ...rest,
    leases: leases.map(({ lease = "", ...held }) => ({ lease, ...held })),
    ...(cursor !== undefined && { cursor }),
  };
}
