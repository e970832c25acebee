import { setTimeout as sleep } from "node:timers/promises";
import { type RedisServer, until } from "@sluice/testkit";
import { afterAll, beforeAll, it } from "vitest";
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
    // Long before it would have lapsed.
    await until(isFree, { what: "the permit to be free at all masters" });
    const { lease } = await grantOf(other, { waitMs: 5_000 });
    await other.release({ semaphore, lease });
  }
});

async function isFree(): Promise<boolean> {
  const slots = masters.map((master) => master.command("EXISTS", `sluice:quorum:{${semaphore}}:slot:0`));
  return (await Promise.all(slots)).every((slot) => slot === 0);
}

it("processes that wait no more are forgotten by the masters, although others wait without end", async () => {
  const { lease } = await grantOf(other);
  const patient = acquireOf(other, { waitMs: 60_000 });
  const queue = `sluice:quorum:{${semaphore}}:queue`;
  const processes = `sluice:quorum:{${semaphore}}:processes`;
  const master = masterAt(masters, 0);
  await until(async () => (await master.command("ZCARD", queue)) === 1, {
    what: "the patient one to be queued",
  });
  await master.command("ZADD", processes, 1, "one that has ended");
  await until(async () => (await master.command("ZSCORE", processes, "one that has ended")) === null, {
    what: "the one that has ended to be forgotten",
  });
  await other.release({ semaphore, lease });
  const granted = await patient;
  if (granted.outcome === "granted") await other.release({ semaphore, lease: granted.lease });
});
