import { setTimeout as sleep } from "node:timers/promises";
import type { RedisServer } from "@sluice/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Store } from "../../src/store.js";
import { acquireOf, definition, grantOf, semaphore } from "./acquires.js";
import { freshStore, masterAt, startMasters, stopMasters } from "./masters.js";

let masters: RedisServer[];
let other: Store;

beforeAll(async () => {
  masters = await startMasters();
  other = freshStore(masters);
  await other.define(semaphore, definition(1, 10_000));
});

afterAll(async () => {
  await other.close();
  await stopMasters(masters);
});

it("a store that is closed while it asks leaves no permit taken, whenever that is", async () => {
  for (let afterMs = 0; afterMs < 12; afterMs += 1) {
    const store = freshStore(masters);
    await store.ping();
    const asked = acquireOf(store).catch(() => undefined);
    await sleep(afterMs);
    await store.close();
    const answer = await asked;
    if (answer?.outcome === "granted") await other.release({ semaphore, lease: answer.lease });
    const { lease } = await grantOf(other, { waitMs: 500 });
    await other.release({ semaphore, lease });
  }
});

it("processes that wait no more are forgotten by the masters, although others wait without end", async () => {
  const { lease } = await grantOf(other);
  const patient = acquireOf(other, { waitMs: 60_000 });
  const processes = `sluice:quorum:{${semaphore}}:processes`;
  await masterAt(masters, 0).command("ZADD", processes, 1, "one that has ended");
  await other.inspect(semaphore);
  expect(await masterAt(masters, 0).command("ZSCORE", processes, "one that has ended")).toBe(null);
  await other.release({ semaphore, lease });
  const granted = await patient;
  if (granted.outcome === "granted") await other.release({ semaphore, lease: granted.lease });
});
