import type { LossReason } from "@sluice/core";
import { expect } from "vitest";
import type { Test } from "./chapter.js";
import { type Asked, expectInOrder, granted } from "./world.js";

/** Two clients of one count. */
export function clients(test: Test): void {
  test("holds one limit over all clients", async (world) => {
    const other = await world.another();
    await world.define(2);
    await world.hold();
    await world.hold({ store: other });
    expect(await world.ask({ waitMs: 0 }).result).toMatchObject({ outcome: "timeout" });
    expect(await world.ask({ waitMs: 0, store: other }).result).toMatchObject({ outcome: "timeout" });
  });

  test("hands a permit from one client to another", async (world) => {
    const other = await world.another();
    await world.define(1);
    const first = await world.hold();
    const waiter = await world.queue({ store: other });
    await world.release(first);
    const second = granted(await waiter.result);
    expect(second.fence).toBeGreaterThan(first.fence);
    const next = await world.queue();
    await world.release(second, other);
    granted(await next.result);
  });

  test("serves the waiters of all clients in the order they came", async (world) => {
    const stores = [world.store, await world.another()];
    await world.define(1);
    const holder = await world.hold();
    const asked: Asked[] = [];
    for (let i = 0; i < 8; i += 1) asked.push(await world.queue({ store: stores[i % 2] ?? world.store }));
    await world.release(holder);
    expectInOrder(await world.serve(asked));
  });

  test("lets one client release and renew what another was granted", async (world) => {
    const other = await world.another();
    await world.define(1);
    const grant = await world.hold();
    const [renewed] = await other.renew(world.semaphore, [{ lease: grant.lease }]);
    expect(renewed).toMatchObject({ renewed: true });
    expect(await world.release(grant, other)).toBe(true);
    expect(await world.release(grant)).toBe(false);
  });

  test("gives the permits of a lapsed lease to a waiter of another client, and not too soon", async (world) => {
    const other = await world.another();
    await world.define(1);
    const holder = await world.hold({ leaseMs: 500 });
    granted(await world.ask({ store: other }).result);
    expect(performance.now()).toBeGreaterThanOrEqual(holder.validUntil);
  });

  test("wakes the waiters of all clients when one of them raises the limit", async (world) => {
    const other = await world.another();
    await world.define(0);
    const here = await world.queue();
    const there = await world.queue({ store: other });
    await other.resize(world.semaphore, 2);
    granted(await here.result);
    granted(await there.result);
  });

  test("fails the waiters of all clients that a lowered limit could never serve", async (world) => {
    const other = await world.another();
    await world.define(3);
    await world.hold();
    const waiter = await world.queue({ store: other, permits: 3 });
    await world.store.resize(world.semaphore, 2);
    expect(await waiter.result).toEqual({ outcome: "exceeds_limit", limit: 2 });
  });

  test("tells a holder at one client of a revocation by another", async (world) => {
    const other = await world.another();
    await world.define(1);
    const losses: LossReason[] = [];
    const { lease } = await world.hold({ onLost: (reason) => losses.push(reason) });
    expect(await other.revoke(world.semaphore, lease)).toBe(true);
    await world.until("the holder to be told", () => losses.length > 0);
    expect(losses).toEqual(["revoked"]);
  });

  test("tells a client of the revocation of a lease that it claimed from another", async (world) => {
    const other = await world.another();
    await world.define(1);
    const losses: LossReason[] = [];
    const { lease } = await world.hold();
    const onLost = (reason: LossReason) => losses.push(reason);
    const claimed = await other.claim(world.semaphore, [{ lease, attempt: "elsewhere", onLost }]);
    expect(claimed).toMatchObject([{ lease, renewed: true }]);
    await world.store.revoke(world.semaphore, lease);
    await world.until("the claimer to be told", () => losses.length > 0);
    expect(losses).toEqual(["revoked"]);
  });

  test("lets another client take over a queued acquire", async (world) => {
    const other = await world.another();
    await world.define(1);
    const holder = await world.hold();
    const earlier = await world.queue();
    const later = world.ask({ ...earlier.request, attempt: "elsewhere", store: other });
    await world.arrive();
    await world.release(holder);
    const grant = granted(await later.result);
    const result = await earlier.result;
    if (result.outcome === "granted") expect(result.fence).toBe(grant.fence);
    else expect(result).toEqual({ outcome: "superseded" });
    expect(await world.look()).toMatchObject({ inUse: 1, waiting: 0 });
    expect(await world.release(grant, other)).toBe(true);
  });

  test("does not undo what another client has taken over", async (world) => {
    const other = await world.another();
    await world.define(1);
    const earlier = world.ask();
    const { lease } = granted(await earlier.result);
    granted(await world.ask({ ...earlier.request, attempt: "elsewhere", store: other }).result);
    const { semaphore } = world;
    expect(await world.store.release({ semaphore, lease, attempt: earlier.request.attempt })).toBe(false);
    expect(await world.look()).toMatchObject({ inUse: 1 });
  });

  test("passes over the waiters of a client that was closed", async (world) => {
    const other = await world.another();
    await world.define(1);
    const holder = await world.hold();
    const gone = await world.queue({ store: other });
    const next = await world.queue();
    const refusal = expect(gone.result).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    await other.close();
    await refusal;
    await world.until("the waiter to leave", async () => (await world.look()).waiting === 1);
    await world.release(holder);
    granted(await next.result);
  });

  test("lets the leases of a closed client lapse", async (world) => {
    const other = await world.another();
    await world.define(1);
    const holder = await world.hold({ store: other, leaseMs: 500 });
    await other.close();
    granted(await world.ask().result);
    expect(performance.now()).toBeGreaterThanOrEqual(holder.validUntil);
  });
}
