import type { Grant, LeaseStatus, Page, SemaphoreStatus, WaiterStatus } from "@sluice/core";
import { expect } from "vitest";
import type { Test } from "./chapter.js";
import { definition, type World } from "./world.js";

export function looking(test: Test): void {
  test("shows who holds and who waits", async (world) => {
    await world.define(3, { leaseMs: 9_000, maxWaiters: 7 });
    const grant = await world.hold({ permits: 2, holder: "web-1:4711" });
    await world.queue({ permits: 3, holder: "web-2:4712", priority: 5 });
    const snapshot = await world.look();
    expect(snapshot).toMatchObject({
      semaphore: world.semaphore,
      limit: 3,
      inUse: 2,
      waiting: 1,
      leaseMs: 9_000,
    });
    expect(snapshot).toMatchObject({ maxWaiters: 7, version: 1, recovering: false });
    expect(snapshot).toMatchObject({ grantsTotal: 1, lapsesTotal: 0, revocationsTotal: 0 });
    const { lease, fence } = grant;
    expect(snapshot.leases).toMatchObject([{ lease, fence, permits: 2, holder: "web-1:4711" }]);
    expect(snapshot.waiters).toMatchObject([{ permits: 3, priority: 5, holder: "web-2:4712" }]);
    expect(snapshot).not.toHaveProperty("cursor");
  });

  test("shows for how long one has held and waited", async (world) => {
    await world.define(1);
    await world.hold();
    await world.queue();
    await world.until("some time to pass", async () => (await world.look()).oldestWaiterMs >= 50);
    const { oldestLeaseMs, oldestWaiterMs, leases, waiters } = await world.look();
    expect(oldestWaiterMs).toBeGreaterThanOrEqual(50);
    expect(oldestLeaseMs).toBeGreaterThanOrEqual(oldestWaiterMs);
    expect(leases[0]?.heldMs).toBe(oldestLeaseMs);
    expect(waiters[0]?.waitedMs).toBe(oldestWaiterMs);
    expect(leases[0]?.expiresInMs).toBeGreaterThan(0);
    expect(leases[0]?.expiresInMs).toBeLessThanOrEqual(10_000 - 50);
  });

  test("shows no age where nobody holds and nobody waits", async (world) => {
    await world.define(1);
    expect(await world.look()).toMatchObject({
      oldestLeaseMs: 0,
      oldestWaiterMs: 0,
      leases: [],
      waiters: [],
    });
  });

  test("shows waiters in the order in which they will be served", async (world) => {
    await world.define(0);
    for (const [holder, priority] of [
      ["c", 0],
      ["d", 0],
      ["a", 2],
      ["e", -1],
      ["b", 2],
    ] as const) {
      await world.queue({ holder, priority });
    }
    expect((await world.look()).waiters.map(({ holder }) => holder)).toEqual(["a", "b", "c", "d", "e"]);
  });

  test("shows many leases and waiters page by page, each of them once", async (world) => {
    await world.define(5);
    const grants: Grant[] = [];
    for (let count = 1; count <= 5; count += 1) grants.push(await world.hold());
    const arrivals = [
      ["3rd", 0],
      ["1st", 4],
      ["4th", 0],
      ["6th", -4],
      ["2nd", 4],
      ["5th", 0],
      ["7th", -4],
    ] as const;
    for (const [holder, priority] of arrivals) await world.queue({ holder, priority });
    const { leases, waiters } = await allPages(world, 2);
    expect(leases.map(({ lease }) => lease).sort()).toEqual(grants.map(({ lease }) => lease).sort());
    expect(waiters.map(({ holder }) => holder)).toEqual(arrivals.map(([holder]) => holder).sort());
  });

  test("lists semaphores in the order of their names", async (world) => {
    for (const name of ["b", "a.2", "C", "a", "a:1"]) await world.store.define(name, definition(2));
    await world.hold({ semaphore: "a" });
    const { semaphores, cursor } = await world.store.list();
    expect(semaphores.map(({ semaphore }) => semaphore)).toEqual(["C", "a", "a.2", "a:1", "b"]);
    expect(semaphores[1]).toMatchObject({ limit: 2, inUse: 1, waiting: 0, version: 1, grantsTotal: 1 });
    expect(cursor).toBeUndefined();
  });

  test("lists many semaphores page by page", async (world) => {
    const names = Array.from({ length: 7 }, (_, index) => `api-${index}`);
    await Promise.all(names.map((name) => world.store.define(name, definition(1))));
    const listed: SemaphoreStatus[] = [];
    let page: Page = { pageSize: 3 };
    for (let pages = 1; ; pages += 1) {
      expect(pages).toBeLessThanOrEqual(names.length);
      const { semaphores, cursor } = await world.store.list(page);
      expect(semaphores.length).toBeLessThanOrEqual(3);
      listed.push(...semaphores);
      if (cursor === undefined) break;
      page = { pageSize: 3, cursor };
    }
    expect(listed.map(({ semaphore }) => semaphore)).toEqual(names);
  });

  test("refuses a cursor that it has not given", async (world) => {
    const { store, semaphore } = world;
    await world.define(1);
    const refusal = { code: "INVALID_ARGUMENT" };
    await expect(store.inspect(semaphore, { cursor: "no cursor of ours" })).rejects.toMatchObject(refusal);
    await expect(store.list({ cursor: "no cursor of ours" })).rejects.toMatchObject(refusal);
  });
}

async function allPages(world: World, pageSize: number) {
  const leases: LeaseStatus[] = [];
  const waiters: WaiterStatus[] = [];
  let cursor: string | undefined;
  do {
    const snapshot = await world.store.inspect(world.semaphore, { pageSize, cursor });
    expect(snapshot?.leases.length).toBeLessThanOrEqual(pageSize);
    expect(snapshot?.waiters.length).toBeLessThanOrEqual(pageSize);
    leases.push(...(snapshot?.leases ?? []));
    waiters.push(...(snapshot?.waiters ?? []));
    cursor = snapshot?.cursor;
    expect(leases.length + waiters.length).toBeLessThan(100);
  } while (cursor !== undefined);
  return { leases, waiters };
}
