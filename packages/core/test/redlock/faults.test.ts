import { setTimeout as sleep } from "node:timers/promises";
import { type RedisServer, seededRandom, until } from "@sluice/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Semaphore } from "../../src/semaphore.js";
import type { Store } from "../../src/store.js";
import { semaphore } from "./acquires.js";
import { freshStore, startMasters, stopMasters } from "./masters.js";

const limit = 3;
const maxLeaseMs = 1_000;
const faultCount = 4;
const workersPerStore = 4;
const seed = Number(process.env.SLUICE_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));

let masters: RedisServer[];
let stores: Store[];

beforeAll(async () => {
  masters = await startMasters();
  stores = [1, 2, 3].map(() => freshStore(masters, { maxLeaseMs }));
});

afterAll(async () => {
  await Promise.all(stores.map((store) => store.close()));
  await stopMasters(masters);
});

it(`one master after the other dies, hangs or forgets under load, never more than the limit work at once, and all go on (SLUICE_TEST_SEED=${seed})`, {
  timeout: 60_000,
}, async () => {
  const random = seededRandom(seed);
  let working = 0;
  let highest = 0;
  let served = 0;
  let ended = false;
  const work = async (store: Store): Promise<void> => {
    const api = new Semaphore(store, semaphore, { limit, leaseMs: maxLeaseMs });
    while (!ended) {
      await api.use(async ({ signal }) => {
        working += 1;
        highest = Math.max(highest, working);
        await sleep(5 + random() * 40, undefined, { signal }).catch(() => {});
        working -= 1;
      });
      served += 1;
    }
  };
  const workers = stores.flatMap((store) => Array.from({ length: workersPerStore }, () => work(store)));
  for (let fault = 0; fault < faultCount; fault += 1) {
    await harm(masters[Math.floor(random() * masters.length)], random, async () => {
      const before = served;
      await until(() => served > before, { what: "work while a master is away", timeoutMs: 15_000 });
    });
    // The next one may fall when this one votes again: two that cannot vote are no minority.
    await sleep(maxLeaseMs + 1_200);
  }
  ended = true;
  await Promise.all(workers);
  expect(highest).toBe(limit);
});

/** @param seen resolves when something was seen that must happen although the master is away, or has forgotten all */
async function harm(
  master: RedisServer | undefined,
  random: () => number,
  seen: () => Promise<void>,
): Promise<void> {
  const kind = Math.floor(random() * 3);
  if (kind === 0) {
    master?.pause();
    await sleep(1_500);
    await seen();
    master?.resume();
  } else if (kind === 1) {
    await master?.kill();
    await sleep(700);
    await seen();
    await master?.start();
  } else {
    await master?.restart({ empty: true });
    await sleep(300);
    await seen();
  }
}
