import { setTimeout as sleep } from "node:timers/promises";
import { monotonicMs, type RedisServer } from "@sluice/testkit";
import { between, type Cause, type Fault, leaseMs, mixedCrew, oneOf } from "../fault.js";
import { during } from "../outage.js";
import type { World } from "../world.js";

export const faultsOfRedis: readonly Fault[] = [
  {
    name: "Redis is killed, and starts again with its data",
    promise: "kept",
    idleMs: leaseMs,
    stage: { crew: mixedCrew, redis: ["--appendonly", "yes", "--appendfsync", "always"] },
    inflict: ({ redis, random }) => during(() => killAndStart(redis, between(random, [0, 400]))),
  },
  {
    name: "Redis is killed, and starts again empty",
    promise: "kept",
    idleMs: leaseMs,
    stage: { crew: mixedCrew },
    inflict: ({ redis, random }) => during(() => killAndStart(redis, between(random, [0, 400]))),
  },
  {
    name: "Redis is killed, and starts again from an older snapshot",
    promise: "kept",
    idleMs: leaseMs,
    stage: { crew: mixedCrew },
    async inflict({ redis, random }) {
      await redis.command("SAVE");
      await sleep(between(random, [50, 2.5 * leaseMs]));
      return during(() => killAndStart(redis, between(random, [0, 400])));
    },
  },
  {
    name: "Redis is killed twice, the second time while it recovers",
    promise: "kept",
    idleMs: leaseMs,
    stage: { crew: mixedCrew },
    async inflict({ redis, random }) {
      return during(async () => {
        await killAndStart(redis, 0);
        await sleep(between(random, [50, 0.9 * leaseMs]));
        await killAndStart(redis, 0);
      });
    },
  },
  {
    name: "Redis is killed, and starts again empty, while some holders are stopped and cannot claim",
    promise: "kept",
    idleMs: 2 * leaseMs,
    stage: { crew: mixedCrew },
    inflict: (world) => whileHoldersAreStopped(world, () => during(() => killAndStart(world.redis, 0))),
  },
  {
    name: "Redis is stopped for longer than a lease",
    promise: "kept",
    idleMs: leaseMs,
    inflict: ({ redis, random }) =>
      during(async () => {
        redis.pause();
        await sleep(between(random, [1.2 * leaseMs, 2.5 * leaseMs]));
        redis.resume();
      }),
  },
  {
    name: "Redis runs out of memory for a while",
    promise: "kept",
    // Memory that has run out is asked for again after a second.
    idleMs: 2 * leaseMs,
    order: false,
    inflict: ({ redis, random }) =>
      during(async () => {
        await redis.command("CONFIG", "SET", "maxmemory", 1);
        await sleep(between(random, [0.5 * leaseMs, 2 * leaseMs]));
        await redis.command("CONFIG", "SET", "maxmemory", 0);
      }),
  },
  {
    name: "the script cache is flushed again and again",
    promise: "kept",
    idleMs: leaseMs,
    async inflict({ redis, random }) {
      for (let flush = 0; flush < 10; flush++) {
        await redis.command("SCRIPT", "FLUSH");
        await sleep(between(random, [0, 150]));
      }
      return {};
    },
  },
  {
    name: "FLUSHALL, while some holders are stopped and cannot claim",
    promise: "regained",
    idleMs: 2 * leaseMs,
    stage: { crew: mixedCrew },
    order: false,
    inflict: (world) =>
      whileHoldersAreStopped(world, async () => {
        await world.redis.command("FLUSHALL");
        return { regainFrom: monotonicMs() };
      }),
  },
  {
    name: "a key of the semaphore is evicted, while some holders are stopped and cannot claim",
    promise: "regained",
    idleMs: 2 * leaseMs,
    stage: { crew: mixedCrew },
    order: false,
    inflict: (world) =>
      whileHoldersAreStopped(world, async () => {
        const keys = (await world.redis.command("KEYS", "*{*")) as string[];
        await world.redis.command("DEL", oneOf(world.random, keys.sort()));
        return { regainFrom: monotonicMs() };
      }),
  },
];

/** Those who work long believe in their leases when they go on, and can tell nobody of them before. */
async function whileHoldersAreStopped(
  { random, workers }: World,
  work: () => Promise<Cause>,
): Promise<Cause> {
  const holders = workers.slice(0, 2);
  for (const holder of holders) holder.pause();
  const cause = await work();
  await sleep(between(random, [0.3 * leaseMs, 0.8 * leaseMs]));
  for (const holder of holders) holder.resume();
  return cause;
}

async function killAndStart(redis: RedisServer, downMs: number): Promise<void> {
  await redis.kill();
  await sleep(downMs);
  await redis.start();
}
