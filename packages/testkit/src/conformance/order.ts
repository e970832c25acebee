import { expect } from "vitest";
import type { Test } from "./chapter.js";
import { type Asked, expectInOrder, granted, stillWaits } from "./world.js";

export function order(test: Test): void {
  test("hands a released permit to the waiter", async (world) => {
    await world.define(1);
    const holder = await world.hold();
    const waiter = await world.queue();
    await world.release(holder);
    const grant = granted(await waiter.result);
    expect(grant.fence).toBeGreaterThan(holder.fence);
    expect(await world.look()).toMatchObject({ inUse: 1, waiting: 0 });
  });

  test("hands freed permits to as many waiters as fit", async (world) => {
    await world.define(3);
    const holder = await world.hold({ permits: 3 });
    const waiters = [await world.queue(), await world.queue({ permits: 2 }), await world.queue()];
    await world.release(holder);
    await Promise.all(waiters.slice(0, 2).map(async ({ result }) => granted(await result)));
    expect(await world.look()).toMatchObject({ inUse: 3, waiting: 1 });
  });

  test("serves waiters first come, first served", async (world) => {
    await world.define(1);
    const holder = await world.hold();
    const waiters: Asked[] = [];
    for (const holder of ["first", "second", "third", "fourth"]) waiters.push(await world.queue({ holder }));
    await world.release(holder);
    expectInOrder(await world.serve(waiters));
  });

  test("serves higher priorities first, and equals in the order they came", async (world) => {
    await world.define(1);
    const holder = await world.hold();
    const low = await world.queue({ priority: -7 });
    const usual = await world.queue();
    const high = await world.queue({ priority: 1_000 });
    const alsoHigh = await world.queue({ priority: 1_000 });
    const alsoUsual = await world.queue();
    const lowest = await world.queue({ priority: -1_000 });
    await world.release(holder);
    expectInOrder(await world.serve([high, alsoHigh, usual, alsoUsual, low, lowest]));
  });

  test("lets nobody overtake a large request at the head of the queue", async (world) => {
    await world.define(3);
    const holders = [await world.hold(), await world.hold({ permits: 2 })] as const;
    const large = await world.queue({ permits: 3 });
    const small = await world.queue();
    await world.release(holders[1]);
    expect(await stillWaits(small)).toBe(true);
    await world.release(holders[0]);
    expectInOrder(await world.serve([large, small]));
  });

  test("lets no newcomer overtake a waiter, whatever its size, patience or priority", async (world) => {
    await world.define(2);
    const holder = await world.hold();
    const waiter = await world.queue({ permits: 2 });
    expect(await world.ask({ waitMs: 0 }).result).toEqual({ outcome: "timeout", limit: 2 });
    expect(await world.ask({ waitMs: 0, priority: 1_000 }).result).toEqual({ outcome: "timeout", limit: 2 });
    const patient = await world.queue({ permits: 1 });
    expect(await world.look()).toMatchObject({ inUse: 1, waiting: 2 });
    await world.release(holder);
    expectInOrder(await world.serve([waiter, patient]));
  });

  test("grants those behind a large request once it gives up", async (world) => {
    await world.define(2);
    await world.hold();
    const large = await world.queue({ permits: 2 });
    const small = await world.queue();
    large.abort();
    expect(await large.result).toEqual({ outcome: "aborted" });
    granted(await small.result);
  });

  test("takes the acquires of one process in call order", async (world) => {
    await world.define(2);
    const asked = Array.from({ length: 40 }, () => world.ask());
    expectInOrder(await world.serve(asked));
  });
}
