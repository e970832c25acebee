import { expect } from "vitest";
import type { Test } from "./chapter.js";
import { definition } from "./world.js";

export function granting(test: Test): void {
  test("grants a free permit at once, and says all about it", async (world) => {
    await world.define(3, { leaseMs: 8_000 });
    const askedAt = performance.now();
    const grant = await world.hold({ permits: 2 });
    expect(grant).toMatchObject({ outcome: "granted", permits: 2, leaseMs: 8_000, limit: 3 });
    expect(grant.lease).toMatch(/\S+/);
    expect(grant.fence).toBeGreaterThan(0);
    expect(grant.validUntil).toBeGreaterThan(askedAt);
    expect(grant.validUntil).toBeLessThanOrEqual(performance.now() + 8_000);
  });

  test("grants no more permits than the limit", async (world) => {
    await world.define(2);
    await world.hold();
    await world.hold();
    expect(await world.ask({ waitMs: 0 }).result).toEqual({ outcome: "timeout", limit: 2 });
    expect(await world.look()).toMatchObject({ inUse: 2, waiting: 0 });
  });

  test("counts every permit of a lease", async (world) => {
    await world.define(5);
    const three = await world.hold({ permits: 3 });
    expect(await world.ask({ permits: 3, waitMs: 0 }).result).toMatchObject({ outcome: "timeout" });
    await world.hold({ permits: 2 });
    expect(await world.ask({ permits: 1, waitMs: 0 }).result).toMatchObject({ outcome: "timeout" });
    await world.release(three);
    await world.hold({ permits: 3 });
  });

  test("refuses what the limit could never give, and changes nothing", async (world) => {
    await world.define(2);
    expect(await world.ask({ permits: 3 }).result).toEqual({ outcome: "exceeds_limit", limit: 2 });
    expect(await world.look()).toMatchObject({ inUse: 0, waiting: 0, grantsTotal: 0 });
  });

  test("gives a later grant a higher fence", async (world) => {
    await world.define(2);
    const first = await world.hold();
    const second = await world.hold();
    await world.release(first);
    const third = await world.hold();
    expect(second.fence).toBeGreaterThan(first.fence);
    expect(third.fence).toBeGreaterThan(second.fence);
  });

  test("takes the lease time of the request before that of the definition", async (world) => {
    await world.define(1, { leaseMs: 8_000 });
    const grant = await world.hold({ leaseMs: 4_000 });
    expect(grant.leaseMs).toBe(4_000);
    expect(grant.validUntil).toBeLessThanOrEqual(performance.now() + 4_000);
  });

  test("creates a semaphore in passing, as the request describes it", async (world) => {
    const grant = await world.hold({ create: definition(3, { leaseMs: 7_000, maxWaiters: 5 }) });
    expect(grant).toMatchObject({ limit: 3, leaseMs: 7_000 });
    expect(await world.look()).toMatchObject({ limit: 3, leaseMs: 7_000, maxWaiters: 5, version: 0 });
  });

  test("keeps the stored definition where a request brings another", async (world) => {
    await world.hold({ create: definition(3) });
    const grant = await world.hold({ create: definition(8, { leaseMs: 1_000 }) });
    expect(grant).toMatchObject({ limit: 3, leaseMs: 10_000 });
    expect(await world.look()).toMatchObject({ limit: 3, leaseMs: 10_000, version: 0 });
  });

  test("knows nothing of a semaphore that nobody has created", async (world) => {
    const { store, semaphore } = world;
    const lease = "0c1e8c4e-never-granted";
    expect(await world.ask().result).toEqual({ outcome: "unknown" });
    expect(await store.release({ semaphore, lease })).toBe(false);
    expect(await store.renew(semaphore, [{ lease }])).toEqual([{ lease, renewed: false, reason: "lapsed" }]);
    expect(await store.revoke(semaphore, lease)).toBe(false);
    expect(await store.resize(semaphore, 3)).toEqual({ outcome: "unknown" });
    expect(await store.remove(semaphore)).toBe("unknown");
    expect(await store.inspect(semaphore)).toBeUndefined();
    expect(await store.list()).toEqual({ semaphores: [] });
  });

  test("keeps semaphores apart", async (world) => {
    await world.define(1);
    await world.hold();
    const elsewhere = await world.hold({ semaphore: "another-api", create: definition(1) });
    expect(await world.release(elsewhere)).toBe(false);
    expect(await world.store.release({ semaphore: "another-api", lease: elsewhere.lease })).toBe(true);
    expect(await world.look()).toMatchObject({ inUse: 1 });
  });

  test("takes a lease back once", async (world) => {
    await world.define(1);
    const grant = await world.hold();
    expect(await world.release(grant)).toBe(true);
    expect(await world.release(grant)).toBe(false);
    expect(await world.look()).toMatchObject({ inUse: 0, leases: [] });
  });

  test("answers a ping", async ({ store }) => {
    await store.ping();
  });
}
