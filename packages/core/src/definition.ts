import { definitionDefaults } from "./bounds.js";
import type { SemaphoreOptions } from "./options.js";
import type { Definition, Snapshot } from "./store.js";

/** What a constructor would create; undefined where it gives no limit. */
export function definitionOf(options: SemaphoreOptions, maxLeaseMs: number): Definition | undefined {
  const {
    limit,
    leaseMs = Math.min(definitionDefaults.leaseMs, maxLeaseMs),
    maxWaiters = definitionDefaults.maxWaiters,
  } = options;
  return limit === undefined ? undefined : { limit, leaseMs, maxWaiters };
}

/** How a semaphore looks when it has been created and not used yet. */
export function emptySnapshot(semaphore: string, definition: Definition): Snapshot {
  return {
    semaphore,
    ...definition,
    inUse: 0,
    waiting: 0,
    version: 0,
    recovering: false,
    oldestWaiterMs: 0,
    oldestLeaseMs: 0,
    grantsTotal: 0,
    lapsesTotal: 0,
    revocationsTotal: 0,
    leases: [],
    waiters: [],
  };
}
