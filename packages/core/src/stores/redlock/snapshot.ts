import type { LeaseStatus, Page, SemaphoreStatus, Snapshot, WaiterStatus } from "../../store.js";
import { decodeCursor, defaultPageSize, encodeCursor } from "../paging.js";
import { existing } from "./definitions.js";
import type { Quorum } from "./quorum.js";
import { lookAt, mayBeHeld, type SeenLease, type SeenWaiter, type View } from "./view.js";

/** Where a page ended: the last fence; the last waiter's place and lease. */
type Place = readonly [fence: number, place: number, lease: string];

const start: Place = [0, Number.MIN_SAFE_INTEGER, ""];
/** Waiters of several processes may have the same place. */
const sharedPlaces = 32;

/** @throws InvalidArgumentError for a cursor that is none of ours @throws StoreUnavailableError */
export async function snapshotOf(
  quorum: Quorum,
  semaphore: string,
  { pageSize = defaultPageSize, cursor }: Page = {},
): Promise<Snapshot | undefined> {
  const after = cursor === undefined ? start : decodeCursor(cursor, start);
  const most = pageSize + 1 + sharedPlaces;
  const view = await lookAt(quorum, semaphore, { records: true, from: after[1], most });
  const status = statusIn(quorum, semaphore, view);
  if (status === undefined) return undefined;
  const leases = heldIn(quorum, view)
    .filter(({ record }) => (record?.fence ?? 0) > after[0])
    .sort((one, other) => (one.record?.fence ?? 0) - (other.record?.fence ?? 0));
  const waiters = view.waiters.filter((waiter) => isBehind(waiter, after));
  const shownLeases = leases.slice(0, pageSize);
  const shownWaiters = waiters.slice(0, pageSize);
  const more = leases.length > pageSize || waiters.length > pageSize;
  const end = placeOf(shownLeases.at(-1), shownWaiters.at(-1), after);
  return {
    ...status,
    leases: shownLeases.flatMap((seen) => leaseStatus(seen, view)),
    waiters: shownWaiters.map((waiter) => waiterStatus(waiter, view)),
    ...(more ? { cursor: encodeCursor(end) } : {}),
  };
}

export function statusIn(quorum: Quorum, semaphore: string, view: View): SemaphoreStatus | undefined {
  const definition = existing(view);
  if (definition === undefined) return undefined;
  const { limit, leaseMs, maxWaiters, version } = definition;
  const held = heldIn(quorum, view);
  const { waiting, grants, lapses, revocations } = view;
  return {
    semaphore,
    limit,
    inUse: held.reduce((permits, { slots }) => permits + slots.length, 0),
    waiting,
    leaseMs,
    maxWaiters,
    version,
    recovering: view.recoversMs > 0,
    oldestWaiterMs: Math.max(0, ...view.waiters.map((waiter) => waiterStatus(waiter, view).waitedMs)),
    oldestLeaseMs: Math.max(
      0,
      ...held.flatMap((seen) => leaseStatus(seen, view)).map(({ heldMs }) => heldMs),
    ),
    grantsTotal: grants,
    lapsesTotal: lapses,
    revocationsTotal: revocations,
  };
}

function heldIn(quorum: Quorum, view: View): SeenLease[] {
  return [...view.leases.values()].filter((seen) => mayBeHeld(seen, view, quorum));
}

function leaseStatus({ lease, record, lastsMs }: SeenLease, { now }: View): LeaseStatus[] {
  if (record === undefined) return [];
  const { permits, fence, holder, grantedAt } = record;
  const heldMs = Math.max(0, now - grantedAt);
  return [{ lease, permits, fence, holder, heldMs, expiresInMs: lastsMs }];
}

function waiterStatus({ record }: SeenWaiter, { now }: View): WaiterStatus {
  const { permits, priority, holder, since } = record;
  return { permits, priority, holder, waitedMs: Math.max(0, now - since) };
}

function isBehind({ place, lease }: SeenWaiter, [, lastPlace, lastLease]: Place): boolean {
  return place > lastPlace || (place === lastPlace && lease > lastLease);
}

function placeOf(lease: SeenLease | undefined, waiter: SeenWaiter | undefined, before: Place): Place {
  return [lease?.record?.fence ?? before[0], waiter?.place ?? before[1], waiter?.lease ?? before[2]];
}
