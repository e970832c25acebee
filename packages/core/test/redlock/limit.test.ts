import { type RedisServer, until } from "@sluice/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Grant, Store } from "../../src/store.js";
import { acquireOf, definition, grantOf } from "./acquires.js";
import { freshStore, startMasters, stopMasters } from "./masters.js";

const before = 40;
const lowered = 10;
const contenders = 4;

let masters: RedisServer[];
let stores: Store[];

beforeAll(async () => {
  masters = await startMasters();
  stores = Array.from({ length: contenders }, () => freshStore(masters));
});

afterAll(async () => {
  await Promise.all(stores.map((store) => store.close()));
  await stopMasters(masters);
});

function storeAt(index: number): Store {
  const store = stores[index];
  if (store === undefined) throw new Error(`there is no store ${index}`);
  return store;
}

/** Leaves exactly `count` leases, in slots that are anywhere below the limit. */
async function hold(semaphore: string, count: number): Promise<void> {
  const first = storeAt(0);
  const grants: Grant[] = [];
  for (let index = 0; index < before / 2; index += 1) grants.push(await grantOf(first, { semaphore }));
  for (const { lease } of grants.slice(count)) await first.release({ semaphore, lease });
}

describe("a limit that was lowered", () => {
  it("is kept by those who race for what is left of it, wherever the leases of before have their slots", async () => {
    for (let round = 0; round < 10; round += 1) {
      const semaphore = `lowered-${round}`;
      const held = 4;
      await storeAt(0).define(semaphore, definition(before));
      await hold(semaphore, held);
      await storeAt(0).resize(semaphore, lowered);
      const results = await Promise.all(
        stores.flatMap((store) => [1, 2, 3, 4].map(() => acquireOf(store, { semaphore }))),
      );
      const granted = results.filter(({ outcome }) => outcome === "granted").length;
      expect(granted + held).toBeLessThanOrEqual(lowered);
      expect((await storeAt(0).inspect(semaphore))?.inUse).toBeLessThanOrEqual(lowered);
    }
  });

  it("leaves room for as many as are missing", async () => {
    const semaphore = "room";
    await storeAt(0).define(semaphore, definition(before));
    await hold(semaphore, 7);
    await storeAt(0).resize(semaphore, lowered);
    for (let index = 7; index < lowered; index += 1)
      await grantOf(storeAt(index % contenders), { semaphore });
    expect(await acquireOf(storeAt(0), { semaphore })).toMatchObject({ outcome: "timeout", limit: lowered });
  });
});

it("what was defined rules over what others create in passing at the same moment", async () => {
  for (let round = 0; round < 20; round += 1) {
    const semaphore = `defined-${round}`;
    const passing = stores.slice(1).map((store) => acquireOf(store, { semaphore, create: definition(3) }));
    await storeAt(0).define(semaphore, definition(7));
    await Promise.all(passing);
    const limits = async () =>
      (await Promise.all(stores.map((store) => store.inspect(semaphore)))).map((one) => one?.limit);
    await until(async () => new Set(await limits()).size === 1, { what: "one limit" });
    expect(await limits()).toEqual(stores.map(() => 7));
  }
});
