import type { SemaphoreStatus, Store } from "@sluice/core";

/** Every semaphore, by its name. */
export type Statuses = ReadonlyMap<string, SemaphoreStatus>;

export interface Changes {
  readonly changed: readonly SemaphoreStatus[];
  readonly removed: readonly string[];
}

const PAGE_SIZE = 1_000;

export async function statusesOf(store: Pick<Store, "list">): Promise<Statuses> {
  const statuses = new Map<string, SemaphoreStatus>();
  let cursor: string | undefined;
  do {
    const page = await store.list({ pageSize: PAGE_SIZE, cursor });
    for (const status of page.semaphores) statuses.set(status.semaphore, status);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return statuses;
}

export function changesBetween(before: Statuses, after: Statuses): Changes {
  return {
    changed: [...after.values()].filter((status) => !isSame(before.get(status.semaphore), status)),
    removed: [...before.keys()].filter((name) => !after.has(name)),
  };
}

/** Leases and waiters grow older all the time, which is no news. */
function isSame(before: SemaphoreStatus | undefined, after: SemaphoreStatus): boolean {
  if (before === undefined) return false;
  const { oldestLeaseMs, oldestWaiterMs, ...facts } = after;
  return Object.entries(facts).every(([name, value]) => before[name as keyof SemaphoreStatus] === value);
}
