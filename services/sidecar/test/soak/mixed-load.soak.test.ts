import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type RedisServer, seededRandom, startRedis, until } from "@sluice/testkit";
import { expect, it, onTestFinished } from "vitest";
import { call } from "../http.js";
import { Crew, type Stats } from "./crew.js";
import { type Memory, Service } from "./service.js";
import { Upstream } from "./upstream.js";

/** Of the whole command, both stores together. */
const MINUTES = Number(process.env.SLUICE_TEST_SOAK_MINUTES ?? 10);
const seed = Number(process.env.SLUICE_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
console.log(`seed ${seed}`);

const RUN_MS = (MINUTES * 60_000) / 2;
const WORKERS = 3;
const MAX_LEASE_MS = 3_000;
const semaphores = { small: 2, middle: 5, large: 12 };

/** What a process that died has left in the store is forgotten after a minute. */
const FORGOTTEN_MS = 90_000;

interface Place {
  readonly environment: Readonly<Record<string, string>>;
  /** The names of all keys of the store. */
  readonly keys: () => Promise<string[]>;
}

async function soak({ environment, keys }: Place): Promise<void> {
  const random = seededRandom(seed);
  const service = await Service.start({
    SLUICE_MAX_LEASE_MS: String(MAX_LEASE_MS),
    SLUICE_DRAIN_MS: "2000",
    ...environment,
  });
  const upstream = new Upstream(semaphores);
  const crew = new Crew({ url: service.url, upstream: await upstream.listen(), semaphores, random });
  onTestFinished(async () => {
    await crew.killAll();
    await service.kill();
    upstream.close();
  });
  for (const [name, limit] of Object.entries(semaphores))
    await call(service.url, "PUT", `/v1/semaphores/${name}`, { body: { limit } });

  /** Loads it for so long; `disturb` is called every few seconds. */
  const load = async (ms: number, disturb: () => Promise<void>): Promise<void> => {
    const deadline = performance.now() + ms;
    crew.hire(WORKERS);
    while (performance.now() < deadline) {
      await sleep(2_000 + random() * 4_000);
      await disturb();
    }
    expectGood(await crew.dismiss());
    await until(() => service.isIdle(), { what: "an idle sidecar", timeoutMs: 20_000 });
  };

  /** What is there while nobody does anything, but for what comes and goes. */
  const rest = async (): Promise<Memory> => {
    await sleep(MAX_LEASE_MS);
    const looks: Memory[] = [];
    for (let look = 0; look < 10; look++) looks.push(await service.memory());
    const least = (name: keyof Memory) => Math.min(...looks.map((memory) => memory[name]));
    return {
      heapBytes: least("heapBytes"),
      timers: least("timers"),
      sockets: least("sockets"),
      handles: least("handles"),
    };
  };

  const keysAtStart = await keys();
  await load(RUN_MS * 0.25, async () => {
    if (random() < 0.5) await service.kill();
    else await service.drain();
    await service.start();
  });
  await load(RUN_MS * 0.25, () => crew.killOne());
  const before = await rest();
  await load(RUN_MS * 0.5, () => crew.killOne());
  const after = await rest();

  console.log(
    JSON.stringify({ before, after, most: Object.fromEntries(upstream.most), killed: crew.killed }),
  );
  expect(upstream.overruns).toEqual([]);
  expect(service.errors).toBe("");
  expect(after.heapBytes).toBeLessThan(before.heapBytes * 1.05);
  for (const kind of ["timers", "sockets", "handles"] as const)
    expect(after[kind], kind).toBeLessThanOrEqual(before[kind]);
  const isLikeAtStart = async () => {
    await useAll(service.url);
    return String(await keys()) === String(keysAtStart);
  };
  const patience = { what: "the store to forget", timeoutMs: FORGOTTEN_MS, everyMs: 2_000 };
  await until(isLikeAtStart, patience).catch(() => {});
  expect(await keys()).toEqual(keysAtStart);
}

/** Whoever uses a semaphore next clears up what the dead have left there. */
async function useAll(url: string): Promise<void> {
  for (const name of Object.keys(semaphores)) {
    const { body } = await call(url, "POST", `/v1/semaphores/${name}/acquire`, { body: {} });
    await call(url, "POST", `/v1/semaphores/${name}/release`, { body: { lease: body.lease } });
  }
}

/** Every worker that was let live had everything that it waited for, and met with nothing that it should not have. */
function expectGood(all: readonly Stats[]): void {
  for (const { faults, ...stats } of all) console.log(JSON.stringify(stats));
  expect(all.flatMap(({ faults }) => faults)).toEqual([]);
  for (const { served } of all) expect(served).toBeGreaterThan(0);
}

it("goes on for a long time over Redis, and leaves nothing behind", {
  timeout: RUN_MS + 300_000,
}, async () => {
  const redis: RedisServer = await startRedis();
  onTestFinished(() => redis.stop());
  await soak({
    environment: { REDIS_URL: redis.url, SLUICE_ASSUME_FRESH: "1" },
    keys: async () => ((await redis.command("KEYS", "*")) as string[]).sort(),
  });
});

it("goes on for a long time over its own store, and leaves nothing behind", {
  timeout: RUN_MS + 300_000,
}, async () => {
  const stateDir = mkdtempSync(join(tmpdir(), "sluice-soak-"));
  onTestFinished(() => rmSync(stateDir, { recursive: true, force: true }));
  await soak({ environment: { SLUICE_STATE_DIR: stateDir }, keys: async () => [] });
});
