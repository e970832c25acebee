import { Semaphore } from "@sluice/core";
import { redisStore } from "@sluice/core/redis";
import { type RedisServer, until } from "@sluice/testkit";
import { atMost, type Benchmark } from "./report.js";

const constants = { leases: 10_000, waiters: 10_000 };
const targets = { bytesALease: 400, bytesAWaiter: 500 };
const prefix = "memory";

/** Bytes. */
interface Footprint {
  /** What MEMORY USAGE says of the semaphore's keys, every element counted. */
  readonly keys: number;
  /** Of the whole server, buffers of its connections included. */
  readonly server: number;
}

export const memory: Benchmark = {
  name: "memory",
  what: "what leases and waiters occupy in Redis",
  constants,
  async run(redis) {
    const store = redisStore(redis.url, { prefix, assumeFresh: true });
    const semaphore = new Semaphore(store, "bench", { limit: constants.leases });
    try {
      await (await semaphore.acquire()).release();
      const empty = await footprintOf(redis);
      await Promise.all(Array.from({ length: constants.leases }, () => semaphore.acquire()));
      const held = await footprintOf(redis);
      // They are granted nothing, and fail when the store is closed.
      for (let waiter = 0; waiter < constants.waiters; waiter++) semaphore.acquire().catch(() => undefined);
      await until(async () => (await semaphore.inspect()).waiting === constants.waiters, {
        what: "the waiters",
      });
      const queued = await footprintOf(redis);
      await requireAllHeld(semaphore);
      return {
        headings: ["one of them", "bytes in its keys", "in the server", "target"],
        rows: [
          rowOf("lease", empty, held, constants.leases, targets.bytesALease),
          rowOf("waiter", held, queued, constants.waiters, targets.bytesAWaiter),
        ],
      };
    } finally {
      await store.close();
    }
  },
};

async function requireAllHeld(semaphore: Semaphore): Promise<void> {
  const { inUse } = await semaphore.inspect();
  if (inUse !== constants.leases) throw new Error(`${inUse} of ${constants.leases} leases are held`);
}

async function footprintOf(redis: RedisServer): Promise<Footprint> {
  const keys = (await redis.command("KEYS", `${prefix}:{bench}:*`)) as string[];
  const sizes = await Promise.all(keys.map((key) => redis.command("MEMORY", "USAGE", key, "SAMPLES", 0)));
  const info = String(await redis.command("INFO", "memory"));
  return {
    keys: sizes.reduce((sum: number, size) => sum + Number(size), 0),
    server: Number(/^used_memory:(\d+)/m.exec(info)?.[1]),
  };
}

function rowOf(what: string, before: Footprint, after: Footprint, count: number, target: number): string[] {
  const bytes = (after.keys - before.keys) / count;
  const inServer = (after.server - before.server) / count;
  return [what, bytes.toFixed(0), inServer.toFixed(0), atMost(target, bytes)];
}
