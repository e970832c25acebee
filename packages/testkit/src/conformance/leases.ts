import type { LossReason } from "@sluice/core";
import { expect } from "vitest";
import type { Test } from "./chapter.js";
import { granted, passMs } from "./world.js";

const SHORT_LEASE_MS = 400;

export function leases(test: Test): void {
  test("lets a lease lapse that nobody renews, and no sooner than its holder stops believing", async (world) => {
    await world.define(1);
    const holder = await world.hold({ leaseMs: SHORT_LEASE_MS });
    const waiter = world.ask();
    const next = granted(await waiter.result);
    expect(performance.now()).toBeGreaterThanOrEqual(holder.validUntil);
    expect(next.fence).toBeGreaterThan(holder.fence);
    expect(await world.release(holder)).toBe(false);
    expect(await world.look()).toMatchObject({ inUse: 1, lapsesTotal: 1, grantsTotal: 2 });
  });

  test("grants the permits of a lapsed lease to one who does not wait", async (world) => {
    await world.define(1);
    const { validUntil } = await world.hold({ leaseMs: SHORT_LEASE_MS });
    await world.until("the permit to be free", async () => {
      const { outcome } = await world.ask({ waitMs: 0 }).result;
      return outcome === "granted";
    });
    expect(performance.now()).toBeGreaterThanOrEqual(validUntil);
  });

  test("keeps a lease that is renewed in time", async (world) => {
    await world.define(1);
    const leaseMs = 1_000;
    const { lease, fence, validUntil } = await world.hold({ leaseMs });
    let believedUntil = validUntil;
    while (performance.now() < validUntil + leaseMs / 2) {
      await passMs(leaseMs / 5);
      const [renewed] = await world.store.renew(world.semaphore, [{ lease }]);
      expect(renewed).toMatchObject({ lease, renewed: true });
      if (renewed?.renewed) believedUntil = renewed.validUntil;
    }
    expect(await world.look()).toMatchObject({ inUse: 1, leases: [{ lease, fence }] });
    granted(await world.ask().result);
    expect(performance.now()).toBeGreaterThanOrEqual(believedUntil);
  });

  test("renews for as long as asked, or as it was granted for", async (world) => {
    await world.define(1);
    const { lease } = await world.hold({ leaseMs: 3_000 });
    const askedAt = performance.now();
    const [longer] = await world.store.renew(world.semaphore, [{ lease, leaseMs: 9_000 }]);
    const [usual] = await world.store.renew(world.semaphore, [{ lease }]);
    expect(longer).toMatchObject({ renewed: true });
    expect(usual).toMatchObject({ renewed: true });
    if (!longer?.renewed || !usual?.renewed) return;
    expect(longer.validUntil).toBeGreaterThan(askedAt + 3_000);
    expect(longer.validUntil).toBeLessThanOrEqual(performance.now() + 9_000);
    expect(usual.validUntil).toBeLessThanOrEqual(performance.now() + 3_000);
  });

  test("answers renewals one by one, in their order", async (world) => {
    await world.define(3);
    const { lease: first } = await world.hold();
    const { lease: revoked } = await world.hold();
    const { lease: last } = await world.hold();
    await world.store.revoke(world.semaphore, revoked);
    const results = await world.store.renew(world.semaphore, [
      { lease: last },
      { lease: "3f7c-never-granted" },
      { lease: revoked },
      { lease: first },
    ]);
    expect(results).toEqual([
      { lease: last, renewed: true, validUntil: expect.any(Number) },
      { lease: "3f7c-never-granted", renewed: false, reason: "lapsed" },
      { lease: revoked, renewed: false, reason: "revoked" },
      { lease: first, renewed: true, validUntil: expect.any(Number) },
    ]);
  });

  test("renews nothing when nothing is asked for", async (world) => {
    await world.define(1);
    expect(await world.store.renew(world.semaphore, [])).toEqual([]);
  });

  test("does not bring a lapsed lease back", async (world) => {
    await world.define(1);
    const losses: LossReason[] = [];
    const grant = await world.hold({ leaseMs: SHORT_LEASE_MS, onLost: (reason) => losses.push(reason) });
    const { lease } = grant;
    await world.until("the lease to lapse", async () => (await world.look()).inUse === 0);
    const renewed = await world.store.renew(world.semaphore, [{ lease }]);
    expect(renewed).toEqual([{ lease, renewed: false, reason: "lapsed" }]);
    expect(await world.release(grant)).toBe(false);
    // Whether the store learns of the lapse by itself is its own affair; that it tells twice, or another reason, is not.
    expect(["", "lapsed"]).toContain(losses.join());
  });

  test("calls nobody about a lease that was released", async (world) => {
    await world.define(1);
    const losses: LossReason[] = [];
    const grant = await world.hold({ leaseMs: 1_000, onLost: (reason) => losses.push(reason) });
    await world.release(grant);
    await passMs(1_100);
    expect(losses).toEqual([]);
  });
}
