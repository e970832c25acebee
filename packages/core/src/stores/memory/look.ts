import type { LeaseStatus, Page, SemaphoreStatus, Snapshot, WaiterStatus } from "../../store.js";
import { decodeCursor, defaultPageSize, encodeCursor } from "../paging.js";
import type { Count } from "./count.js";
import type { HeldLease, Waiter } from "./records.js";

/** Where a page of a snapshot ended: the last fence, and the last waiter's priority and ticket. */
type Place = readonly [fence: number, priority: number, ticket: number];

/** Before every lease and every waiter. */
const START: Place = [0, Number.MAX_SAFE_INTEGER, 0];

/** The moment of a look, and whether the store recovers in it. */
export interface Moment {
  readonly now: number;
  readonly recovering: boolean;
}

export function statusOf(semaphore: string, count: Count, { now, recovering }: Moment): SemaphoreStatus {
  const { limit, leaseMs, maxWaiters } = count.definition;
  return {
    semaphore,
    limit,
    inUse: count.inUse,
    waiting: count.queue.size,
    leaseMs,
    maxWaiters,
    version: count.version,
    recovering,
    oldestWaiterMs: oldestWaiterMs(count, now),
    oldestLeaseMs: oldestLeaseMs(count, now),
    grantsTotal: count.grantsTotal,
    lapsesTotal: count.lapsesTotal,
    revocationsTotal: count.revocationsTotal,
  };
}

/**
 * The status with at most `pageSize` leases, in the order of their grants, and as many waiters, in the order of the
 * queue. A place is named by fence and ticket, so that what comes and goes between two pages shifts nothing.
 */
export function snapshotOf(semaphore: string, count: Count, moment: Moment, page: Page): Snapshot {
  const { now } = moment;
  const { pageSize = defaultPageSize, cursor } = page;
  const after = cursor === undefined ? START : decodeCursor(cursor, START);
  const leases = take(count.leases.values(), pageSize, (held) => held.fence > after[0]);
  const waiters = take(count.queue, pageSize, (waiter) => isBehind(waiter, after));
  const end = placeOf(leases.taken.at(-1), waiters.taken.at(-1), after);
  return {
    ...statusOf(semaphore, count, moment),
    leases: leases.taken.map((held) => leaseStatus(held, now)),
    waiters: waiters.taken.map((waiter) => waiterStatus(waiter, now)),
    ...(leases.more || waiters.more ? { cursor: encodeCursor(end) } : {}),
  };
}

function take<Item>(items: Iterable<Item>, most: number, wanted: (item: Item) => boolean) {
  const taken: Item[] = [];
  for (const item of items) {
    if (!wanted(item)) continue;
    if (taken.length === most) return { taken, more: true };
    taken.push(item);
  }
  return { taken, more: false };
}

function isBehind(waiter: Waiter, [, priority, ticket]: Place): boolean {
  return waiter.priority < priority || (waiter.priority === priority && waiter.ticket > ticket);
}

function placeOf(lease: HeldLease | undefined, waiter: Waiter | undefined, before: Place): Place {
  return [lease?.fence ?? before[0], waiter?.priority ?? before[1], waiter?.ticket ?? before[2]];
}

function leaseStatus(
  { lease, permits, fence, holder, grantedAt, expiresAt }: HeldLease,
  now: number,
): LeaseStatus {
  return { lease, permits, fence, holder, heldMs: now - grantedAt, expiresInMs: expiresAt - now };
}

function waiterStatus({ permits, priority, holder, queuedAt }: Waiter, now: number): WaiterStatus {
  return { permits, priority, holder, waitedMs: now - queuedAt };
}

function oldestWaiterMs({ queue }: Count, now: number): number {
  let oldestMs = 0;
  for (const { queuedAt } of queue.heads()) oldestMs = Math.max(oldestMs, now - queuedAt);
  return oldestMs;
}

function oldestLeaseMs({ leases }: Count, now: number): number {
  for (const { grantedAt } of leases.values()) return now - grantedAt;
  return 0;
}
