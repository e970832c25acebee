import { expect } from "vitest";
import type { Test } from "./chapter.js";
import { definition, granted } from "./world.js";

export function removing(test: Test): void {
  test("removes a semaphore that nobody holds", async (world) => {
    await world.define(1);
    expect(await world.store.remove(world.semaphore)).toBe("removed");
    expect(await world.store.inspect(world.semaphore)).toBeUndefined();
    expect(await world.store.list()).toEqual({ semaphores: [] });
    expect(await world.store.remove(world.semaphore)).toBe("unknown");
  });

  test("does not remove a semaphore that is held, also by a revoked lease", async (world) => {
    await world.define(1);
    const grant = await world.hold();
    expect(await world.store.remove(world.semaphore)).toBe("in_use");
    await world.store.revoke(world.semaphore, grant.lease);
    expect(await world.store.remove(world.semaphore)).toBe("in_use");
    await world.release(grant);
    expect(await world.store.remove(world.semaphore)).toBe("removed");
  });

  test("answers waiters of a removed semaphore that it is unknown", async (world) => {
    await world.define(0);
    const waiter = await world.queue();
    await world.store.remove(world.semaphore);
    expect(await waiter.result).toEqual({ outcome: "unknown" });
    expect(await world.store.inspect(world.semaphore)).toBeUndefined();
  });

  test("lets the waiters of a removed semaphore create it anew", async (world) => {
    await world.define(0);
    const waiters = [
      await world.queue({ create: definition(1) }),
      await world.queue({ create: definition(1) }),
    ] as const;
    await world.store.remove(world.semaphore);
    const grant = granted(await Promise.race(waiters.map(({ result }) => result)));
    expect(grant).toMatchObject({ limit: 1 });
    await world.until("the other one to wait again", async () => (await world.look()).waiting === 1);
    expect(await world.look()).toMatchObject({ limit: 1, version: 0, inUse: 1 });
    await world.release(grant);
    await Promise.all(waiters.map(async ({ result }) => granted(await result)));
  });

  test("starts from nothing when a removed semaphore is defined again", async (world) => {
    await world.define(3);
    await world.release(await world.hold());
    await world.store.remove(world.semaphore);
    expect(await world.store.define(world.semaphore, definition(2))).toMatchObject({
      created: true,
      version: 1,
    });
    expect(await world.look()).toMatchObject({ limit: 2, inUse: 0, grantsTotal: 0 });
  });
}
