import type { LossReason } from "@sluice/core";
import { expect } from "vitest";
import type { Test } from "./chapter.js";
import { granted, stillWaits } from "./world.js";

export function revoking(test: Test): void {
  test("tells the holder once that its lease was revoked", async (world) => {
    await world.define(1);
    const losses: LossReason[] = [];
    const grant = await world.hold({ onLost: (reason) => losses.push(reason) });
    expect(await world.store.revoke(world.semaphore, grant.lease)).toBe(true);
    await world.until("the holder to be told", () => losses.length > 0);
    expect(await world.store.revoke(world.semaphore, grant.lease)).toBe(true);
    await world.store.renew(world.semaphore, [{ lease: grant.lease }]);
    await world.release(grant);
    expect(losses).toEqual(["revoked"]);
    expect(await world.look()).toMatchObject({ revocationsTotal: 1 });
  });

  test("tells a holder that had to wait for its lease", async (world) => {
    await world.define(1);
    const losses: LossReason[] = [];
    const holder = await world.hold();
    const waiter = await world.queue({ onLost: (reason) => losses.push(reason) });
    await world.release(holder);
    const { lease } = granted(await waiter.result);
    await world.store.revoke(world.semaphore, lease);
    await world.until("the holder to be told", () => losses.length > 0);
    expect(losses).toEqual(["revoked"]);
  });

  test("tells nobody who has released the lease before", async (world) => {
    await world.define(1);
    const told: string[] = [];
    const first = world.ask({ onLost: () => told.push("first") });
    await world.release(granted(await first.result));
    const again = world.ask({ ...first.request, attempt: "again", onLost: () => told.push("again") });
    const { lease } = granted(await again.result);
    await world.store.revoke(world.semaphore, lease);
    await world.store.renew(world.semaphore, [{ lease }]);
    await world.arrive();
    expect(told).not.toContain("first");
  });

  test("keeps the permits of a revoked lease until its holder releases it", async (world) => {
    await world.define(1);
    const holder = await world.hold();
    const waiter = await world.queue();
    await world.store.revoke(world.semaphore, holder.lease);
    expect(await stillWaits(waiter)).toBe(true);
    expect(await world.look()).toMatchObject({ inUse: 1, revocationsTotal: 1 });
    expect(await world.release(holder)).toBe(true);
    granted(await waiter.result);
  });

  test("gives the permits of a revoked lease on when it would have lapsed", async (world) => {
    await world.define(1);
    const losses: LossReason[] = [];
    const holder = await world.hold({ leaseMs: 600, onLost: (reason) => losses.push(reason) });
    const waiter = world.ask();
    expect(await world.store.revoke(world.semaphore, holder.lease)).toBe(true);
    granted(await waiter.result);
    expect(performance.now()).toBeGreaterThanOrEqual(holder.validUntil);
    expect(await world.release(holder)).toBe(false);
    await world.arrive();
    expect(losses.length).toBeLessThanOrEqual(1);
  });

  test("does not renew a revoked lease", async (world) => {
    await world.define(1);
    const { lease } = await world.hold();
    await world.store.revoke(world.semaphore, lease);
    const renewed = await world.store.renew(world.semaphore, [{ lease }]);
    expect(renewed).toEqual([{ lease, renewed: false, reason: "revoked" }]);
  });

  test("does not return a revoked lease to one who asks again", async (world) => {
    await world.define(2);
    const first = world.ask();
    const { lease } = granted(await first.result);
    await world.store.revoke(world.semaphore, lease);
    expect(await world.ask({ ...first.request, attempt: "again" }).result).toEqual({ outcome: "reused" });
  });

  test("revokes no lease that is not held", async (world) => {
    await world.define(1);
    expect(await world.store.revoke(world.semaphore, "77aa-never-granted")).toBe(false);
    const grant = await world.hold();
    await world.release(grant);
    expect(await world.store.revoke(world.semaphore, grant.lease)).toBe(false);
    expect(await world.look()).toMatchObject({ revocationsTotal: 0 });
  });
}
