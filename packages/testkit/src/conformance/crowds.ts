import { expect } from "vitest";
import type { Test } from "./chapter.js";
import { granted, passMs, type World } from "./world.js";

export function crowds(test: Test): void {
  test("serves 500 at once under a limit of 7, never more than 7 together", async (world) => {
    await world.define(7);
    const stores = world.hasClients ? [world.store, await world.another()] : [world.store];
    const gauge = new Gauge();
    await Promise.all(
      Array.from({ length: 500 }, (_, index) => work(world, gauge, stores[index % stores.length], 1)),
    );
    expect(gauge.served).toBe(500);
    expect(gauge.highest).toBeLessThanOrEqual(7);
    expect(gauge.highest).toBeGreaterThan(1);
    expect(await world.look()).toMatchObject({ inUse: 0, waiting: 0, grantsTotal: 500, lapsesTotal: 0 });
  });

  test("serves requests of many sizes and priorities, never more permits than the limit together", async (world) => {
    await world.define(5);
    const gauge = new Gauge();
    await Promise.all(
      Array.from({ length: 150 }, (_, index) =>
        work(world, gauge, world.store, 1 + ((index * 7) % 5), (index % 4) - 2),
      ),
    );
    expect(gauge.served).toBe(150);
    expect(gauge.highest).toBeLessThanOrEqual(5);
    expect(await world.look()).toMatchObject({ inUse: 0, waiting: 0, grantsTotal: 150 });
  });

  test("keeps its count when half of a crowd gives up", async (world) => {
    await world.define(3);
    const gauge = new Gauge();
    await Promise.all(
      Array.from({ length: 100 }, async (_, index) => {
        if (index % 2 === 0) return work(world, gauge, world.store, 1);
        const asked = world.ask();
        await passMs(index % 10);
        asked.abort();
        const result = await asked.result;
        if (result.outcome === "granted") await world.release(result);
      }),
    );
    expect(gauge.served).toBe(50);
    await world.becomesEmpty();
  });
}

/** Permits that are in use inside the work itself, by its own account. */
class Gauge {
  served = 0;
  highest = 0;
  #inUse = 0;

  enter(permits: number): void {
    this.#inUse += permits;
    this.highest = Math.max(this.highest, this.#inUse);
  }

  leave(permits: number): void {
    this.#inUse -= permits;
    this.served += 1;
  }
}

async function work(
  world: World,
  gauge: Gauge,
  store = world.store,
  permits = 1,
  priority = 0,
): Promise<void> {
  const grant = granted(await world.ask({ store, permits, priority }).result);
  gauge.enter(permits);
  // Longer than a store takes to answer, or no two would ever work together.
  await passMs(5);
  gauge.leave(permits);
  await world.release(grant, store);
}
