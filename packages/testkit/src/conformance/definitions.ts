import { expect } from "vitest";
import type { Test } from "./chapter.js";
import { definition, granted, stillWaits } from "./world.js";

export function definitions(test: Test): void {
  test("says whether a definition created the semaphore, and what is stored now", async ({
    store,
    semaphore,
  }) => {
    const first = definition(3);
    expect(await store.define(semaphore, first)).toEqual({ created: true, definition: first, version: 1 });
    const second = definition(4, { leaseMs: 5_000, maxWaiters: 6 });
    expect(await store.define(semaphore, second)).toEqual({ created: false, definition: second, version: 2 });
    expect(await store.inspect(semaphore)).toMatchObject({ ...second, version: 2 });
  });

  test("counts a version for every change, and for none that changes nothing", async (world) => {
    const { store, semaphore } = world;
    await world.hold({ create: definition(3) });
    expect(await world.look()).toMatchObject({ version: 0 });
    // The first definition makes the semaphore permanent, also where it repeats what an acquire had said.
    expect(await store.define(semaphore, definition(3))).toMatchObject({ created: false, version: 1 });
    expect(await store.define(semaphore, definition(3))).toMatchObject({ version: 1 });
    expect(await store.resize(semaphore, 3)).toMatchObject({ outcome: "resized", version: 1 });
    expect(await store.resize(semaphore, 5)).toMatchObject({ version: 2 });
    expect(await store.define(semaphore, definition(5, { leaseMs: 9_000 }))).toMatchObject({ version: 3 });
  });

  test("changes the limit alone when it resizes", async (world) => {
    await world.define(3, { leaseMs: 7_000, maxWaiters: 9 });
    expect(await world.store.resize(world.semaphore, 5)).toEqual({
      outcome: "resized",
      definition: { limit: 5, leaseMs: 7_000, maxWaiters: 9 },
      version: 2,
    });
  });

  test("goes by the new definition from then on", async (world) => {
    await world.define(1);
    await world.define(2, { leaseMs: 5_000, maxWaiters: 0 });
    expect(await world.hold()).toMatchObject({ leaseMs: 5_000, limit: 2 });
    await world.hold();
    expect(await world.ask().result).toEqual({ outcome: "queue_full", limit: 2, maxWaiters: 0 });
  });

  test("pauses at a limit of 0, where everyone queues and nobody fails", async (world) => {
    await world.define(0);
    expect(await world.ask({ waitMs: 0 }).result).toEqual({ outcome: "timeout", limit: 0 });
    const large = await world.queue({ permits: 5 });
    const small = await world.queue();
    expect(await stillWaits(large)).toBe(true);
    await world.store.resize(world.semaphore, 6);
    granted(await large.result);
    granted(await small.result);
  });

  test("wakes waiters when the limit is raised", async (world) => {
    await world.define(1);
    await world.hold();
    const waiters = [await world.queue(), await world.queue(), await world.queue()] as const;
    await world.store.resize(world.semaphore, 3);
    expect(granted(await waiters[0].result)).toMatchObject({ limit: 3 });
    granted(await waiters[1].result);
    expect(await world.look()).toMatchObject({ inUse: 3, waiting: 1 });
  });

  test("takes no lease away when the limit is lowered, and grants nothing until there is room", async (world) => {
    await world.define(3);
    const holders = [await world.hold(), await world.hold(), await world.hold()] as const;
    await world.store.resize(world.semaphore, 1);
    expect(await world.look()).toMatchObject({ limit: 1, inUse: 3 });
    const waiter = await world.queue();
    await world.release(holders[0]);
    await world.release(holders[1]);
    expect(await stillWaits(waiter)).toBe(true);
    await world.release(holders[2]);
    granted(await waiter.result);
    expect(await world.look()).toMatchObject({ inUse: 1 });
  });

  test("fails waiters that a lowered limit could never serve, and them alone", async (world) => {
    await world.define(4);
    const holder = await world.hold();
    const large = await world.queue({ permits: 4 });
    const fitting = await world.queue({ permits: 2 });
    const alsoLarge = await world.queue({ permits: 3 });
    await world.store.resize(world.semaphore, 2);
    expect(await large.result).toEqual({ outcome: "exceeds_limit", limit: 2 });
    expect(await alsoLarge.result).toEqual({ outcome: "exceeds_limit", limit: 2 });
    expect(await world.look()).toMatchObject({ inUse: 1, waiting: 1 });
    await world.release(holder);
    granted(await fitting.result);
  });

  test("keeps all waiters when the limit is lowered to 0", async (world) => {
    await world.define(2);
    const holder = await world.hold();
    const waiter = await world.queue({ permits: 2 });
    await world.store.resize(world.semaphore, 0);
    await world.release(holder);
    expect(await stillWaits(waiter)).toBe(true);
    await world.store.resize(world.semaphore, 2);
    granted(await waiter.result);
  });

  test("fails waiters that asked for more than a pause leaves room for when it ends", async (world) => {
    await world.define(0);
    const waiter = await world.queue({ permits: 5 });
    await world.define(4);
    expect(await waiter.result).toEqual({ outcome: "exceeds_limit", limit: 4 });
  });
}
