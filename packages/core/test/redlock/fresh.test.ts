import { type RedisServer, startCutProxy, until } from "@sluice/testkit";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Store } from "../../src/store.js";
import { startingMs } from "../../src/stores/redlock/freshness.js";
import { acquireOf, definition, grantOf, semaphore } from "./acquires.js";
import { freshStore, masterAt, meetsAll, startMasters, stopMasters } from "./masters.js";

const maxLeaseMs = 2_000;
/** Where a test does not wait for its end. */
const longLeaseMs = 15_000;

let masters: RedisServer[];
let stores: Store[];

beforeEach(async () => {
  masters = await startMasters();
  stores = [];
});

afterEach(async () => {
  await Promise.all(stores.map((store) => store.close()));
  await stopMasters(masters);
});

function open(urls: readonly { readonly url: string }[] = masters, longestMs = maxLeaseMs): Store {
  const store = freshStore(urls, { maxLeaseMs: longestMs });
  stores.push(store);
  return store;
}

it("assumeFresh is not believed of one master that came back empty while the others were in use", async () => {
  const [forgetful, slow, cutOff] = [masterAt(masters, 0), masterAt(masters, 1), masterAt(masters, 2)];
  await using cut = await startCutProxy(cutOff.port);
  await using delay = await startCutProxy(slow.port);
  const holder = open([forgetful, slow, cut], longLeaseMs);
  await meetsAll(holder, masters);
  await holder.define(semaphore, definition(1));
  const usedSince = performance.now();
  await until(() => performance.now() - usedSince > startingMs, { what: "the start to be over" });
  cut.refusing = true;
  cut.cutAll();
  const { validUntil } = await grantOf(holder, { leaseMs: longLeaseMs });
  await holder.close();
  await forgetful.restart({ empty: true });
  // The one that remembers the lease is not the first to answer.
  delay.delay("toClient", 60);
  const returned = open([forgetful, delay, cutOff], longLeaseMs);
  const result = await acquireOf(returned, { create: definition(1) });
  expect(performance.now()).toBeLessThan(validUntil);
  expect(result.outcome).not.toBe("granted");
});

it("assumeFresh lets many stores begin at once, with no pause on any master", async () => {
  const many = Array.from({ length: 6 }, () => open(masters, longLeaseMs));
  await Promise.all(many.map((store) => store.define(semaphore, definition(6))));
  await masterAt(masters, 1).kill();
  const results = await Promise.all(many.map((store) => acquireOf(store, { waitMs: longLeaseMs / 2 })));
  expect(results.map(({ outcome }) => outcome)).toEqual(many.map(() => "granted"));
});

it("a master that has lost its mark without a flush gives no votes for the longest lease", async () => {
  const store = open();
  await store.define(semaphore, definition(1));
  const usedSince = performance.now();
  await until(() => performance.now() - usedSince > maxLeaseMs + 1_000, {
    what: "servers that are old enough",
  });
  const { validUntil } = await grantOf(store, { leaseMs: maxLeaseMs });
  for (const master of masters) await master.command("SWAPDB", 0, 1);
  const taken = await acquireOf(store, { waitMs: maxLeaseMs * 3, create: definition(1) });
  expect(taken.outcome).toBe("granted");
  expect(performance.now()).toBeGreaterThan(validUntil);
});
