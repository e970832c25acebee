import { Semaphore, type Store } from "@sluice/core";
import { redlockStore } from "@sluice/core/redlock";
import { type RedisServer, startRedis } from "@sluice/testkit";
import { Redis } from "ioredis";
import { monotonicMs } from "./clock.js";
import type { Benchmark } from "./report.js";
import { median } from "./statistics.js";

const constants = { pairs: 300, warmUpPairs: 30 };
const limits = [1, 10, 100];
const counts = [3, 5];

/** One acquire and its release, where all permits but one are held. */
interface Cost {
  readonly acquireMs: number;
  readonly releaseMs: number;
  /** One after the other, for an acquire and its release. */
  readonly roundTrips: number;
  /** Script calls at each master, for an acquire and its release. */
  readonly calls: number;
  /** Time in scripts at each master, for an acquire and its release. */
  readonly busyUs: number;
}

export const quorum: Benchmark = {
  name: "quorum",
  what: "what a permit costs on a quorum, where all others are held; times as ratios to a PING of one master",
  constants,
  async run(redis) {
    const others: RedisServer[] = [];
    try {
      while (others.length < Math.max(...counts) - 1) others.push(await startRedis());
      const rows: string[][] = [];
      for (const count of counts) {
        const masters = [redis, ...others].slice(0, count);
        for (const limit of limits) rows.push(await rowOf(masters, limit));
      }
      return {
        headings: ["masters, limit", "acquire", "release", "round trips", "calls a master", "µs in a master"],
        rows,
        remarks: [
          "An acquire is a look and a vote, a release one more vote; a grant is confirmed without waiting.",
        ],
      };
    } finally {
      for (const server of others) await server.stop();
    }
  },
};

async function rowOf(masters: readonly RedisServer[], limit: number): Promise<string[]> {
  const cost = await costOf(masters, limit);
  const pingMs = await pingOf(masters[0]);
  return [
    `${masters.length}, ${limit}`,
    (cost.acquireMs / pingMs).toFixed(1),
    (cost.releaseMs / pingMs).toFixed(1),
    cost.roundTrips.toFixed(1),
    cost.calls.toFixed(1),
    cost.busyUs.toFixed(0),
  ];
}

async function costOf(masters: readonly RedisServer[], limit: number): Promise<Cost> {
  const urls = masters.map(({ url }) => url);
  const store = redlockStore(urls, { prefix: `bench${masters.length}-${limit}`, assumeFresh: true });
  const semaphore = new Semaphore(store, "bench", { limit });
  try {
    // Without a keeper, whose renewals would be counted.
    for (let held = 1; held < limit; held += 1) await hold(store, limit);
    await timesOf(semaphore, constants.warmUpPairs);
    let roundTrips = 0;
    const end = store.observe({ roundtrip: () => (roundTrips += 1) });
    const before = await workOf(masters);
    const times = await timesOf(semaphore, constants.pairs);
    const after = await workOf(masters);
    end();
    const share = constants.pairs * masters.length;
    return {
      acquireMs: median(times.map(([acquireMs]) => acquireMs)),
      releaseMs: median(times.map(([, releaseMs]) => releaseMs)),
      roundTrips: roundTrips / constants.pairs,
      calls: (after.calls - before.calls) / share,
      busyUs: (after.busyUs - before.busyUs) / share,
    };
  } finally {
    await store.close();
  }
}

async function hold(store: Store, limit: number): Promise<void> {
  const lease = `held${Math.random().toString(36).slice(2)}`;
  const create = { limit, leaseMs: 10_000, maxWaiters: 1 };
  const rest = { attempt: "", fingerprint: "", permits: 1, priority: 0, holder: "bench", create };
  const result = await store.acquire({
    semaphore: "bench",
    lease,
    waitMs: 0,
    leaseMs: store.maxLeaseMs,
    ...rest,
  });
  if (result.outcome !== "granted") throw new Error(`a permit was not free: ${result.outcome}`);
}

async function timesOf(
  semaphore: Semaphore,
  pairs: number,
): Promise<[acquireMs: number, releaseMs: number][]> {
  const times: [number, number][] = [];
  for (let pair = 0; pair < pairs; pair += 1) {
    const askedAt = monotonicMs();
    const lease = await semaphore.acquire();
    const grantedAt = monotonicMs();
    await lease.release();
    times.push([grantedAt - askedAt, monotonicMs() - grantedAt]);
  }
  return times;
}

async function workOf(masters: readonly RedisServer[]): Promise<{ calls: number; busyUs: number }> {
  const stats = await Promise.all(masters.map((master) => master.command("INFO", "commandstats")));
  const found = stats.map((text) => /cmdstat_evalsha:calls=(\d+),usec=(\d+)/.exec(String(text)));
  const sum = (group: 1 | 2) => found.reduce((total, match) => total + Number(match?.[group] ?? 0), 0);
  return { calls: sum(1), busyUs: sum(2) };
}

/** Over a connection that stands, as the store's do. */
async function pingOf(master: RedisServer | undefined): Promise<number> {
  if (master === undefined) throw new Error("there is no master");
  const client = new Redis(master.url);
  try {
    const times: number[] = [];
    for (let ping = 0; ping < constants.pairs; ping += 1) {
      const sentAt = monotonicMs();
      await client.ping();
      times.push(monotonicMs() - sentAt);
    }
    return median(times);
  } finally {
    client.disconnect();
  }
}
