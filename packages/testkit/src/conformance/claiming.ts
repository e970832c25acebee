import type { LossReason } from "@sluice/core";
import { expect } from "vitest";
import type { Test } from "./chapter.js";
import { granted } from "./world.js";

/** Leases that are taken over, as after a reconnect. */
export function claiming(test: Test): void {
  test("renews a claimed lease for as long as it was granted", async (world) => {
    await world.define(1);
    const { lease, fence, validUntil } = await world.hold({ leaseMs: 3_000 });
    await world.until("time to pass", () => performance.now() > validUntil - 2_900);
    const [claimed] = await world.store.claim(world.semaphore, [{ lease, attempt: "claim" }]);
    expect(claimed).toMatchObject({ lease, renewed: true });
    if (!claimed?.renewed) return;
    expect(claimed.validUntil).toBeGreaterThan(validUntil);
    expect(claimed.validUntil).toBeLessThanOrEqual(performance.now() + 3_000);
    expect(await world.look()).toMatchObject({ inUse: 1, grantsTotal: 1, leases: [{ lease, fence }] });
  });

  test("gives a claimed lease to the attempt that claimed it", async (world) => {
    await world.define(1);
    const { semaphore } = world;
    const { lease } = await world.hold({ attempt: "first" });
    await world.store.claim(semaphore, [{ lease, attempt: "second" }]);
    expect(await world.store.release({ semaphore, lease, attempt: "first" })).toBe(false);
    expect(await world.look()).toMatchObject({ inUse: 1 });
    expect(await world.store.release({ semaphore, lease, attempt: "second" })).toBe(true);
    expect(await world.look()).toMatchObject({ inUse: 0 });
  });

  test("lets a claimed lease be released without naming its attempt", async (world) => {
    await world.define(1);
    const grant = await world.hold();
    const waiter = await world.queue();
    await world.store.claim(world.semaphore, [{ lease: grant.lease, attempt: "claim" }]);
    expect(await world.release(grant)).toBe(true);
    granted(await waiter.result);
  });

  test("tells whoever claimed a lease that it was revoked", async (world) => {
    await world.define(1);
    const losses: LossReason[] = [];
    const { lease } = await world.hold();
    const onLost = (reason: LossReason) => losses.push(reason);
    await world.store.claim(world.semaphore, [{ lease, attempt: "claim", onLost }]);
    await world.store.revoke(world.semaphore, lease);
    await world.until("the claimer to be told", () => losses.length > 0);
    expect(losses).toEqual(["revoked"]);
  });

  test("answers claims one by one, in their order", async (world) => {
    await world.define(3);
    const { lease: first } = await world.hold();
    const { lease: revoked } = await world.hold();
    const { lease: last } = await world.hold();
    await world.store.revoke(world.semaphore, revoked);
    const leases = [last, "3f7c-never-granted", revoked, first];
    const claims = leases.map((lease) => ({ lease, attempt: "claim" }));
    expect(await world.store.claim(world.semaphore, claims)).toEqual([
      { lease: last, renewed: true, validUntil: expect.any(Number) },
      { lease: "3f7c-never-granted", renewed: false, reason: "lapsed" },
      { lease: revoked, renewed: false, reason: "revoked" },
      { lease: first, renewed: true, validUntil: expect.any(Number) },
    ]);
  });

  test("restores no lease that it did not lose in a restart", async (world) => {
    await world.define(2);
    const grant = await world.hold();
    await world.release(grant);
    const { lease, permits, fence, leaseMs } = grant;
    const restore = { permits, fence, leaseMs, holder: "conformance", create: undefined };
    const claimed = await world.store.claim(world.semaphore, [{ lease, attempt: "claim", restore }]);
    expect(claimed).toEqual([{ lease, renewed: false, reason: "lapsed" }]);
    expect(await world.look()).toMatchObject({ inUse: 0, grantsTotal: 1 });
  });

  test("claims nothing when nothing is asked for", async (world) => {
    await world.define(1);
    expect(await world.store.claim(world.semaphore, [])).toEqual([]);
  });
}
