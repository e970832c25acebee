import type { StatusAnswer } from "@sluice/client/shapes";
import type { Semaphores, Told } from "../src/fleet/fleet.js";

/** A semaphore at rest, but for what is said of it. */
export function statusOf(semaphore: string, said: Partial<StatusAnswer> = {}): StatusAnswer {
  return {
    semaphore,
    limit: 10,
    inUse: 0,
    waiting: 0,
    leaseMs: 10_000,
    maxWaiters: 100,
    version: 0,
    recovering: false,
    oldestWaiterMs: 0,
    oldestLeaseMs: 0,
    grantsTotal: 0,
    lapsesTotal: 0,
    revocationsTotal: 0,
    ...said,
  };
}

export function toldOf(semaphore: string, said: Partial<StatusAnswer> = {}, at = 0): Told {
  return { status: statusOf(semaphore, said), at };
}

export function semaphoresOf(...told: readonly Told[]): Semaphores {
  return new Map(told.map((one) => [one.status.semaphore, one]));
}
