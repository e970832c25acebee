import { expect } from "vitest";
import type { Test } from "./suite.js";
import { definition, granted, passMs } from "./world.js";

export function waiting(test: Test): void {
  test("gives up when the wait is over, and leaves the queue", async (world) => {
    await world.define(1);
    await world.hold();
    const askedAt = performance.now();
    expect(await world.ask({ waitMs: 200 }).result).toEqual({ outcome: "timeout", limit: 1 });
    // Two clocks may take part, each of which counts in whole milliseconds.
    expect(performance.now() - askedAt).toBeGreaterThan(195);
    expect(await world.look()).toMatchObject({ inUse: 1, waiting: 0 });
  });

  test("does nothing for a signal that is aborted beforehand", async (world) => {
    const asked = world.ask({ create: definition(1), signal: AbortSignal.abort() });
    expect(await asked.result).toEqual({ outcome: "aborted" });
    expect(await world.store.inspect(world.semaphore)).toBeUndefined();
  });

  test("leaves the queue when its signal aborts", async (world) => {
    await world.define(1);
    const holder = await world.hold();
    const aborted = await world.queue();
    const next = await world.queue();
    aborted.abort();
    expect(await aborted.result).toEqual({ outcome: "aborted" });
    await world.until("the waiter is gone", async () => (await world.look()).waiting === 1);
    await world.release(holder);
    granted(await next.result);
  });

  test("leaves nothing behind when one signal ends many waits", async (world) => {
    await world.define(2);
    const holder = await world.hold();
    const controller = new AbortController();
    const { signal } = controller;
    const large = await world.queue({ permits: 2, signal });
    const small = await world.queue({ signal });
    controller.abort();
    expect(await Promise.all([large.result, small.result])).toEqual([
      { outcome: "aborted" },
      { outcome: "aborted" },
    ]);
    await world.release(holder);
    await world.becomesEmpty();
  });

  test("gives a grant back that crosses an abort", async (world) => {
    await world.define(1);
    for (let round = 0; round < 20; round += 1) {
      const holder = await world.hold({ waitMs: 5_000 });
      const waiter = world.ask();
      if (round % 2 === 0) await world.until("it waits", async () => (await world.look()).waiting === 1);
      const released = world.release(holder);
      if (round % 3 === 0) await passMs(0);
      waiter.abort();
      const [result] = await Promise.all([waiter.result, released]);
      if (result.outcome === "granted") expect(await world.release(result)).toBe(true);
      else expect(result).toEqual({ outcome: "aborted" });
      await world.becomesEmpty();
    }
  });

  test("gives a grant back that crosses the end of the wait", async (world) => {
    await world.define(1);
    for (let round = 0; round < 10; round += 1) {
      const holder = await world.hold({ waitMs: 5_000 });
      const waiter = world.ask({ waitMs: 20 });
      await passMs(17 + (round % 5));
      await world.release(holder);
      const result = await waiter.result;
      if (result.outcome === "granted") expect(await world.release(result)).toBe(true);
      else expect(result).toEqual({ outcome: "timeout", limit: 1 });
      await world.becomesEmpty();
    }
  });

  test("queues no more than maxWaiters", async (world) => {
    await world.define(1, { maxWaiters: 2 });
    await world.hold();
    const first = await world.queue();
    await world.queue();
    expect(await world.ask({ priority: 1_000 }).result).toEqual({
      outcome: "queue_full",
      limit: 1,
      maxWaiters: 2,
    });
    first.abort();
    await first.result;
    await world.until("there is room", async () => (await world.look()).waiting === 1);
    await world.queue();
    expect(await world.look()).toMatchObject({ waiting: 2 });
  });

  test("refuses one that would not wait by saying that nothing is free, also with a full queue", async (world) => {
    await world.define(1, { maxWaiters: 0 });
    await world.hold();
    expect(await world.ask({ waitMs: 0 }).result).toEqual({ outcome: "timeout", limit: 1 });
    expect(await world.ask().result).toEqual({ outcome: "queue_full", limit: 1, maxWaiters: 0 });
  });
}
