import { redisStore } from "@sluice/core/redis";
import {
  type Belief,
  freePort,
  highestOverlap,
  type NodeProcess,
  type RedisServer,
  spawnNode,
  startRedis,
  until,
} from "@sluice/testkit";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Failure, frailNetwork } from "./frail-network.js";
import { Program } from "./program.js";
import type { TcpProxy } from "./tcp-proxy.js";

interface Worked extends Belief {
  readonly fence: number;
  readonly released: boolean | "unknown";
}

type Message = Partial<Worked> & {
  readonly granted?: number;
  readonly lost?: number;
  readonly done?: true;
  failed?: string;
};

const TASKS = 10;

/** Of a network that does not fail by itself. */
const lasting: Failure = { afterMs: 2 ** 31 - 1, afterAnswerMs: 2 ** 31 - 1, manner: "both" };

let redis: RedisServer;
let prefixes = 0;
let prefix: string;
const sidecars: Program[] = [];
const workers: NodeProcess[] = [];
let network: TcpProxy | undefined;

beforeAll(async () => {
  redis = await startRedis();
});

afterEach(async () => {
  await Promise.all([...workers.splice(0), ...sidecars.splice(0)].map((one) => one.kill()));
  await network?.close();
  network = undefined;
});

afterAll(() => redis.stop());

async function start(limit: number): Promise<void> {
  prefixes += 1;
  prefix = `belief-${prefixes}`;
  const store = redisStore(redis.url, { prefix, assumeFresh: true });
  await store.define("api", { limit, leaseMs: 1_000, maxWaiters: 1_000 });
  await store.close();
}

async function startSidecar(port = "0"): Promise<Program> {
  const place = { REDIS_URL: redis.url, SLUICE_PREFIX: prefix, SLUICE_PORT: port };
  const sidecar = new Program({ ...place, SLUICE_ASSUME_FRESH: "1" });
  sidecars.push(sidecar);
  await sidecar.url();
  return sidecar;
}

/** How long its tasks hold their permits: so long, or anything up to that. */
type HoldMs = { readonly exactly: number } | { readonly upTo: number };

function startWorker(url: string, hold: HoldMs, leaseMs: number): NodeProcess {
  const file = new URL("./children/believer.mjs", import.meta.url);
  const holdMs = "exactly" in hold ? [hold.exactly, hold.exactly] : [0, hold.upTo];
  const worker = spawnNode(file, [url, TASKS, ...holdMs, leaseMs].map(String));
  workers.push(worker);
  return worker;
}

/** What all workers have done, once the last of them has. */
async function finish(): Promise<Worked[]> {
  for (const worker of workers) worker.send("over");
  const worked: Worked[] = [];
  for (const worker of workers) {
    const last = await worker.next<Message>(({ done }) => done === true, { timeoutMs: 30_000 });
    expect(last.done).toBe(true);
    for (const message of worker.drain<Message>()) {
      expect(message.failed).toBeUndefined();
      if (message.from !== undefined) worked.push({ ...(message as Worked), permits: 1 });
    }
  }
  return worked;
}

/** Resolves when the worker was granted so many leases that nobody has looked at. */
async function granted(worker: NodeProcess, count: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    await worker.next<Message>((message) => message.granted !== undefined, { timeoutMs: 20_000 });
  }
}

describe("nobody believes for too long", () => {
  it("when a sidecar is stopped for longer than a lease, under 50 holders whose permits others wait for", async () => {
    await start(50);
    const stopped = await startSidecar();
    const other = await startSidecar();
    const holders = await Promise.all(
      Array.from({ length: 5 }, async () => startWorker(await stopped.url(), { exactly: 60_000 }, 1_000)),
    );
    for (const holder of holders) await granted(holder, TASKS);
    const [impatient, ...patient] = holders;
    const heldAt = performance.now();
    await until(() => performance.now() - heldAt > 500, { what: "to be told of a renewal" });
    const waiters = await Promise.all(
      Array.from({ length: 3 }, async () => startWorker(await other.url(), { upTo: 100 }, 1_000)),
    );
    stopped.process.kill("SIGSTOP");
    const stoppedAt = performance.now();
    // Its tasks release what they still believe in.
    impatient?.send("over");
    for (const waiter of waiters) await granted(waiter, 2 * TASKS);
    await until(() => performance.now() - stoppedAt > 2_500, { what: "a long stop" });
    stopped.process.kill("SIGCONT");
    for (const holder of patient) await granted(holder, 1);
    const worked = await finish();
    expect(highestOverlap(worked)).toBe(50);
    // All of them were lost, and none was given back as if it had been held.
    const longHeld = worked.filter(({ released }) => released !== true);
    expect(longHeld.length).toBeGreaterThanOrEqual(50);
  }, 90_000);

  it("when a sidecar is killed and comes back before the leases end, none of which is lost", async () => {
    await start(20);
    const sidecar = await startSidecar(String(await freePort()));
    const direct = await sidecar.url();
    // As from another host: the time to come back is a lease, and not the 20 ms of loopback.
    network = frailNetwork(direct, () => lasting);
    const url = await network.listen();
    const holders = Array.from({ length: 2 }, () => startWorker(url, { upTo: 4_000 }, 15_000));
    const waiters = Array.from({ length: 2 }, () => startWorker(url, { upTo: 4_000 }, 15_000));
    for (const holder of [...holders, ...waiters].slice(0, 2)) await granted(holder, 1);
    for (let restart = 0; restart < 3; restart++) {
      const last = sidecars.pop();
      await last?.kill();
      await startSidecar(new URL(direct).port);
      const before = performance.now();
      await until(() => performance.now() - before > 1_000, { what: "some work" });
    }
    const worked = await finish();
    expect(highestOverlap(worked)).toBeLessThanOrEqual(20);
    expect(worked.length).toBeGreaterThan(20);
    expect(worked.filter(({ released }) => released === false)).toEqual([]);
  }, 90_000);

  it("when a sidecar on the same host is killed again and again", async () => {
    await start(20);
    const sidecar = await startSidecar(String(await freePort()));
    const url = await sidecar.url();
    const all = Array.from({ length: 4 }, () => startWorker(url, { upTo: 400 }, 1_000));
    for (let restart = 0; restart < 3; restart++) {
      for (const worker of all) await granted(worker, 5);
      await sidecars.pop()?.kill();
      await startSidecar(new URL(url).port);
    }
    for (const worker of all) await granted(worker, 5);
    expect(highestOverlap(await finish())).toBeLessThanOrEqual(20);
  }, 90_000);
});
