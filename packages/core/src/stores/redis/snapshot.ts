import type { Page, SemaphoreStatus, Snapshot } from "../../store.js";
import { decodeCursor, defaultPageSize, encodeCursor } from "../paging.js";

type LeaseRow = [
  lease: string,
  permits: number,
  fence: number,
  holder: string,
  heldMs: number,
  expiresInMs: number,
];
type WaiterRow = [permits: number, priority: number, holder: string, waitedMs: number];

/** What inspect.lua is asked for; its header describes it. */
export interface Look {
  readonly request: string;
  read(semaphore: string, text: string): Snapshot;
}

/** A look at one page of leases and waiters. @throws InvalidArgumentError for a cursor that is none of ours */
export function lookAt(page: Page | undefined): Look {
  const size = page?.pageSize ?? defaultPageSize;
  const [leaseOffset, waiterOffset] = page?.cursor === undefined ? [0, 0] : decodeCursor(page.cursor, [0, 0]);
  return {
    request: JSON.stringify([size, leaseOffset, waiterOffset]),
    read: (semaphore, text) => readSnapshot(semaphore, text, { size, leaseOffset, waiterOffset }),
  };
}

/** The request for the facts alone. */
export const statusRequest = "[0,0,0]";

export function readStatus(semaphore: string, text: string): SemaphoreStatus {
  const [
    limit,
    inUse,
    waiting,
    leaseMs,
    maxWaiters,
    version,
    recovering,
    oldestWaiterMs,
    oldestLeaseMs,
    ...totals
  ] = JSON.parse(text);
  const [grantsTotal, lapsesTotal, revocationsTotal] = totals;
  return {
    semaphore,
    limit,
    inUse,
    waiting,
    leaseMs,
    maxWaiters,
    version,
    recovering: recovering === 1,
    oldestWaiterMs,
    oldestLeaseMs,
    grantsTotal,
    lapsesTotal,
    revocationsTotal,
  };
}

function readSnapshot(
  semaphore: string,
  text: string,
  { size, leaseOffset, waiterOffset }: { size: number; leaseOffset: number; waiterOffset: number },
): Snapshot {
  const status = readStatus(semaphore, text);
  const [leases, waiters, leaseCount] = JSON.parse(text).slice(12) as [LeaseRow[], WaiterRow[], number];
  const more = leaseOffset + size < leaseCount || waiterOffset + size < status.waiting;
  return {
    ...status,
    leases: leases.map(([lease, permits, fence, holder, heldMs, expiresInMs]) => {
      return { lease, permits, fence, holder, heldMs, expiresInMs };
    }),
    waiters: waiters.map(([permits, priority, holder, waitedMs]) => ({
      permits,
      priority,
      holder,
      waitedMs,
    })),
    ...(more ? { cursor: encodeCursor([leaseOffset + size, waiterOffset + size]) } : {}),
  };
}
