import type { AcquireResult } from "@sluice/core";
import { expect } from "vitest";
import type { Test } from "./chapter.js";
import { definition, granted, passMs, type World } from "./world.js";

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
    await world.until("the waiter to leave", async () => (await world.look()).waiting === 1);
    await world.release(holder);
    granted(await next.result);
  });

  test("leaves nothing behind when one signal ends many waits", async (world) => {
    await world.define(2);
    const holder = await world.hold();
    const controller = new AbortController();
    const { signal } = controller;
    const waiters = [await world.queue({ permits: 2, signal }), await world.queue({ signal })];
    controller.abort();
    // The first one to leave makes room for the second, whose grant may cross its abort.
    for (const { result } of waiters) await giveBack(world, await result, "aborted");
    await world.release(holder);
    await world.becomesEmpty();
  });

  test("gives a grant back that crosses an abort", async (world) => {
    await world.define(1);
    for (let round = 0; round < 20; round += 1) {
      const holder = await world.hold({ waitMs: 5_000 });
      const waiter = round % 2 === 0 ? await world.queue() : world.ask();
      const released = world.release(holder);
      if (round % 3 === 0) await passMs(0);
      waiter.abort();
      await giveBack(world, await waiter.result, "aborted");
      expect(await released).toBe(true);
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
      await giveBack(world, await waiter.result, "timeout");
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
    await world.until("room in the queue", async () => (await world.look()).waiting === 1);
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

/** Whoever was told of a grant holds it; whoever was told of another outcome leaves nothing to give back. */
async function giveBack(
  world: World,
  result: AcquireResult,
  otherwise: "aborted" | "timeout",
): Promise<void> {
  if (result.outcome === "granted") expect(await world.release(result)).toBe(true);
  else expect(result).toMatchObject({ outcome: otherwise });
}
