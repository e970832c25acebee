import type { RedisServer } from "@sluice/testkit";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Store } from "../../src/store.js";
import { acquireOf } from "./acquires.js";
import { freshStore, startMasters, stopMasters } from "./masters.js";

const limit = 2;
/** Each caller hears two of three masters: a majority. */
const heardBy = [
  [0, 1],
  [1, 2],
  [0, 2],
] as const;

let masters: RedisServer[];
const clients: Redis[] = [];

beforeAll(async () => {
  masters = await startMasters();
  for (const { url } of masters) clients.push(new Redis(url));
});

afterAll(async () => {
  for (const client of clients) client.disconnect();
  await stopMasters(masters);
});

/** One master's vote in a semaphore that asks each of them whether it has counted fewer than the limit. */
const countingVote = `
  if redis.call('SCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
  return redis.call('SADD', KEYS[1], ARGV[1])
`;

async function acquireByCounting(caller: string, heard: readonly number[]): Promise<boolean> {
  const votes = await Promise.all(
    heard.map((index) => clients[index]?.eval(countingVote, 1, "naive", caller, limit)),
  );
  return votes.filter((vote) => vote === 1).length > masters.length / 2;
}

it("a majority vote of counting semaphores gives two permits to three callers, on healthy masters", async () => {
  const granted: boolean[] = [];
  for (const [index, heard] of heardBy.entries())
    granted.push(await acquireByCounting(`caller ${index}`, heard));
  expect(granted).toEqual([true, true, true]);
});

it("the redlock store refuses the third of them, who each hear two masters too", async () => {
  const stores: Store[] = heardBy.map((heard) =>
    freshStore(masters.map((master, index) => cutOff(master, heard, index))),
  );
  try {
    const outcomes: string[] = [];
    for (const store of stores) {
      const { outcome } = await acquireOf(store, { create: { limit, leaseMs: 10_000, maxWaiters: 10 } });
      outcomes.push(outcome);
    }
    expect(outcomes).toEqual(["granted", "granted", "timeout"]);
  } finally {
    await Promise.all(stores.map((store) => store.close()));
  }
});

/** The master, or for one who does not hear it a place where nobody listens. */
function cutOff(master: RedisServer, heard: readonly number[], index: number): Pick<RedisServer, "url"> {
  return heard.includes(index) ? master : { url: `redis://127.0.0.1:${index + 1}` };
}
