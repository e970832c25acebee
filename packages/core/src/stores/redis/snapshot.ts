import { InvalidArgumentError } from "../../errors.js";
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

/** Behind what a page begins, as inspect.lua has it: a lease by its expiry and its id, and a place in the queue. */
type Place = readonly [expiry: string, lease: string, left: number, place: string];

const start: Place = ["", "", 0, ""];

/** A look at one page of leases and waiters. @throws InvalidArgumentError for a cursor that is none of ours */
export function lookAt(page: Page | undefined): Look {
  const size = page?.pageSize ?? defaultPageSize;
  const place = page?.cursor === undefined ? start : placeOf(page.cursor);
  return { request: JSON.stringify([size, ...place]), read: readSnapshot };
}

function placeOf(cursor: string): Place {
  const place = decodeCursor(cursor, start);
  const [expiry, , left, inQueue] = place;
  const isOurs = [expiry, inQueue].every((part) => /^(?:end|-?\d{1,17})?$/.test(part));
  if (isOurs && Number.isSafeInteger(left)) return place;
  throw new InvalidArgumentError("cursor", "a cursor that this store returned", cursor);
}

/** The request for the facts alone. */
export const statusRequest = JSON.stringify([0, ...start]);

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

function readSnapshot(semaphore: string, text: string): Snapshot {
  const [leases, waiters, ...next] = JSON.parse(text).slice(12) as [LeaseRow[], WaiterRow[], ...Place];
  const [expiry, , , place] = next;
  return {
    ...readStatus(semaphore, text),
    leases: leases.map(([lease, permits, fence, holder, heldMs, expiresInMs]) => {
      return { lease, permits, fence, holder, heldMs, expiresInMs };
    }),
    waiters: waiters.map(([permits, priority, holder, waitedMs]) => ({
      permits,
      priority,
      holder,
      waitedMs,
    })),
    ...(expiry === "end" && place === "end" ? {} : { cursor: encodeCursor(next) }),
  };
}
