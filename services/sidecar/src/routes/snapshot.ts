import type { SnapshotAnswer } from "@sluice/client/shapes";
import type { Snapshot } from "@sluice/core";
import type { Caller } from "../access/caller.js";

/** Whoever knows the id of a lease can release it: the ids are for operators alone. */
export function snapshotFor(
  caller: Caller,
  { leases, waiters, cursor, ...status }: Snapshot,
): SnapshotAnswer {
  const showIds = caller.scopes.has("operate");
  return {
    ...status,
    leases: leases.map(({ lease, ...held }) => (showIds ? { lease, ...held } : held)),
    waiters: [...waiters],
    ...(cursor !== undefined && { cursor }),
  };
}
