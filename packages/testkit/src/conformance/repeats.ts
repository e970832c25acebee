import { setImmediate as nextTurn } from "node:timers/promises";
import { expect } from "vitest";
import type { Test } from "./chapter.js";
import { granted } from "./world.js";

/** The same acquire asked for once more, as after a lost connection. */
export function repeats(test: Test): void {
  test("returns the same lease to one who asks again", async (world) => {
    await world.define(2);
    const first = world.ask();
    const grant = granted(await first.result);
    const again = granted(await world.ask({ ...first.request, attempt: "again" }).result);
    expect(again).toMatchObject({ lease: grant.lease, fence: grant.fence, permits: 1 });
    expect(await world.look()).toMatchObject({ inUse: 1, grantsTotal: 1 });
  });

  test("keeps the place in the queue for one who asks again", async (world) => {
    await world.define(1);
    const holder = await world.hold();
    const first = await world.queue();
    const second = await world.queue();
    const again = world.ask({ ...first.request, attempt: "again" });
    await world.release(holder);
    const grant = granted(await again.result);
    expect(await world.look()).toMatchObject({ inUse: 1, waiting: 1 });
    await world.release(grant);
    expect(granted(await second.result).fence).toBeGreaterThan(grant.fence);
  });

  test("lets an earlier attempt have the same grant, or tells it of the later one", async (world) => {
    await world.define(1);
    const holder = await world.hold();
    const earlier = await world.queue();
    const later = world.ask({ ...earlier.request, attempt: "later" });
    await world.release(holder);
    const grant = granted(await later.result);
    const result = await earlier.result;
    if (result.outcome === "granted") expect(result.fence).toBe(grant.fence);
    else expect(result).toEqual({ outcome: "superseded" });
    expect(await world.look()).toMatchObject({ inUse: 1, waiting: 0 });
  });

  test("keeps the place of the latest attempt when an earlier one is aborted", async (world) => {
    await world.define(1);
    const holder = await world.hold();
    const earlier = await world.queue();
    const later = world.ask({ ...earlier.request, attempt: "later" });
    await world.arrive();
    earlier.abort();
    expect(["aborted", "superseded"]).toContain((await earlier.result).outcome);
    expect(await world.look()).toMatchObject({ waiting: 1 });
    await world.release(holder);
    const grant = granted(await later.result);
    expect(await world.release(grant)).toBe(true);
  });

  test("empties the queue when the latest attempt is aborted", async (world) => {
    await world.define(1);
    const holder = await world.hold();
    const earlier = await world.queue();
    const later = world.ask({ ...earlier.request, attempt: "later" });
    await world.arrive();
    later.abort();
    expect(await later.result).toEqual({ outcome: "aborted" });
    await world.release(holder);
    expect(await earlier.result).toEqual({ outcome: "superseded" });
    await world.becomesEmpty();
  });

  test("gives the place up when one asks again without waiting", async (world) => {
    await world.define(1);
    await world.hold();
    const earlier = await world.queue();
    const again = world.ask({ ...earlier.request, attempt: "again", waitMs: 0 });
    expect(await again.result).toEqual({ outcome: "timeout", limit: 1 });
    expect(await earlier.result).toEqual({ outcome: "superseded" });
    expect(await world.look()).toMatchObject({ inUse: 1, waiting: 0 });
  });

  test("releases for an attempt only what belongs to it", async (world) => {
    await world.define(1);
    const { semaphore } = world;
    const first = world.ask({ attempt: "first" });
    const { lease } = granted(await first.result);
    granted(await world.ask({ ...first.request, attempt: "second" }).result);
    expect(await world.store.release({ semaphore, lease, attempt: "first" })).toBe(false);
    expect(await world.look()).toMatchObject({ inUse: 1 });
    expect(await world.store.release({ semaphore, lease, attempt: "second" })).toBe(true);
    expect(await world.look()).toMatchObject({ inUse: 0 });
  });

  test("gives what crosses the asking to the attempt that asked last", async (world) => {
    await world.define(1);
    const { semaphore } = world;
    for (let round = 0; round < 40; round += 1) {
      const holder = await world.hold({ waitMs: 5_000 });
      const first = await world.queue();
      const released = world.release(holder);
      for (let turn = 0; turn < round % 8; turn += 1) await nextTurn();
      const last = world.ask({ ...first.request, attempt: "last" });
      const { lease } = granted(await last.result);
      expect(await world.store.release({ semaphore, lease, attempt: first.request.attempt })).toBe(false);
      expect(await world.store.release({ semaphore, lease, attempt: "last" })).toBe(true);
      await Promise.all([released, first.result]);
    }
  });

  test("refuses a held lease to a request that is another one", async (world) => {
    await world.define(3);
    const first = world.ask({ fingerprint: "one permit" });
    granted(await first.result);
    const other = world.ask({ ...first.request, attempt: "other", fingerprint: "two permits", permits: 2 });
    expect(await other.result).toEqual({ outcome: "reused" });
    expect(await world.look()).toMatchObject({ inUse: 1 });
  });

  test("refuses a queued lease to a request that is another one", async (world) => {
    await world.define(2);
    const holder = await world.hold({ permits: 2 });
    const first = await world.queue({ fingerprint: "one permit" });
    const other = world.ask({ ...first.request, attempt: "other", fingerprint: "two permits", permits: 2 });
    expect(await other.result).toEqual({ outcome: "reused" });
    expect(await world.look()).toMatchObject({ waiting: 1 });
    await world.release(holder);
    expect(granted(await first.result)).toMatchObject({ permits: 1 });
  });

  test("grants a lease anew that was released and is asked for again", async (world) => {
    await world.define(1);
    const first = world.ask();
    const grant = granted(await first.result);
    await world.release(grant);
    const again = granted(await world.ask({ ...first.request, attempt: "again" }).result);
    expect(again.fence).toBeGreaterThan(grant.fence);
    expect(await world.look()).toMatchObject({ inUse: 1, grantsTotal: 2 });
  });
}
