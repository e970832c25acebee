import type { SnapshotAnswer, StatusAnswer } from "@sluice/client/shapes";

/** A lease as it was seen; its times by the page's own clock. */
export interface SeenLease {
  /** For callers that may operate. */
  readonly id: string | undefined;
  readonly holder: string;
  readonly permits: number;
  readonly fence: number;
  readonly heldSince: number;
  readonly endsAt: number;
}

/** A waiter as it was seen. */
export interface SeenWaiter {
  /** 1 is next. */
  readonly position: number;
  readonly holder: string;
  readonly permits: number;
  readonly priority: number;
  readonly queuedSince: number;
}

/** A semaphore with all that was looked at. */
export interface Inspection {
  readonly status: StatusAnswer;
  readonly leases: readonly SeenLease[];
  readonly waiters: readonly SeenWaiter[];
  /** More follows that was not asked for. */
  readonly isCut: boolean;
  /** When it was seen, by the page's own clock, and how long the look took. */
  readonly at: number;
  readonly tookMs: number;
}

/** Each of up to a thousand leases and as many waiters. */
const MOST_PAGES = 10;

export interface Looking {
  /** Asks for a page. */
  ask(cursor: string | undefined): Promise<SnapshotAnswer>;
  now(): number;
}

/**
 * Looks at a semaphore page by page. What moves between two pages may be missed, or be seen when it is gone; a lease that
 * is renewed meanwhile comes twice, and counts once. The sidecar goes by who expires first, which every renewal changes:
 * here leases stand in the order of their grants.
 */
export async function inspect({ ask, now }: Looking): Promise<Inspection> {
  const startedAt = now();
  const leases = new Map<number, SeenLease>();
  const waiters: SeenWaiter[] = [];
  let cursor: string | undefined;
  for (let pages = 1; ; pages += 1) {
    const page = await ask(cursor);
    const at = now();
    for (const lease of page.leases) leases.set(lease.fence, seenLease(lease, at));
    for (const waiter of page.waiters) waiters.push(seenWaiter(waiter, waiters.length + 1, at));
    cursor = page.cursor;
    if (cursor !== undefined && pages < MOST_PAGES) continue;
    const { leases: _leases, waiters: _waiters, cursor: _cursor, ...status } = page;
    const inOrder = [...leases.values()].sort((one, other) => one.fence - other.fence);
    return { status, leases: inOrder, waiters, isCut: cursor !== undefined, at, tookMs: at - startedAt };
  }
}

/**
 * How long to rest between two looks, in milliseconds: long semaphores less often, and never so that looking takes more
 * than a fifth of the time.
 *
 * @param isNews the sidecar has told that something changed; without news leases are renewed all the same
 */
export function restMs({ leases, waiters, tookMs }: Inspection, isNews: boolean): number {
  const leastMs = Math.max(1_000, (leases.length + waiters.length) / 2, tookMs * 4);
  return isNews ? leastMs : leastMs * 3;
}

function seenLease(lease: SnapshotAnswer["leases"][number], at: number): SeenLease {
  const { holder, permits, fence, heldMs, expiresInMs } = lease;
  return { id: lease.lease, holder, permits, fence, heldSince: at - heldMs, endsAt: at + expiresInMs };
}

function seenWaiter(waiter: SnapshotAnswer["waiters"][number], position: number, at: number): SeenWaiter {
  const { holder, permits, priority, waitedMs } = waiter;
  return { position, holder, permits, priority, queuedSince: at - waitedMs };
}
