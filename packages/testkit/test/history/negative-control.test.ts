// What the checker finds where there is something to be found: a peer that is known not to keep its limit through these.
import {
  describeReport,
  type FleetSettings,
  judge,
  RecordedFleet,
  type RedisServer,
  startRedis,
  startUpstream,
  type Upstream,
  until,
} from "@sluice/testkit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const contender = new URL("./children/redis-semaphore.mjs", import.meta.url).href;
const limit = 2;
/** Neither promises an order nor gives fences. */
const rules = { limit, order: false, fences: false };

let redis: RedisServer;
let upstream: Upstream;
let fleet: RecordedFleet;

beforeEach(async () => {
  redis = await startRedis();
  upstream = await startUpstream();
  fleet = new RecordedFleet();
});

afterEach(async () => {
  await fleet[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
  await redis.stop();
});

function settings(more: Partial<FleetSettings>): FleetSettings {
  const { host, port } = upstream;
  return {
    semaphore: "peer",
    limit,
    leaseMs: 3_000,
    loops: 2,
    workMs: [600, 900],
    seed: 1,
    contender: { module: contender, settings: { url: redis.url } },
    upstream: { host, port },
    ...more,
  };
}

async function start(all: readonly FleetSettings[]): Promise<void> {
  for (const worker of await fleet.addAll(all)) worker.start();
}

async function stop(): Promise<void> {
  await Promise.all(fleet.workers.map((worker) => worker.stop({ abort: true })));
}

/** What the witness saw must be what the checker finds. */
function expectOver(): void {
  const report = judge(fleet.history(), rules);
  expect(upstream.highest).toBeGreaterThan(limit);
  expect(report.permitsOver).toBeGreaterThan(0);
  expect(report.highest.permits).toBeGreaterThanOrEqual(upstream.highest);
  expect(report.findings).toContainEqual(expect.objectContaining({ kind: "over", limit }));
}

describe("redis-semaphore in several processes", () => {
  it("keeps its limit while nothing happens", async () => {
    await start([
      settings({ workMs: [20, 60] }),
      settings({ workMs: [20, 60] }),
      settings({ workMs: [20, 60] }),
    ]);
    await until(() => upstream.begun >= 50, { what: "50 pieces of work", timeoutMs: 15_000 });
    await stop();
    const report = judge(fleet.history(), rules);
    expect(describeReport(report)).toBe("");
    expect(report.highest.permits).toBe(limit);
    expect(upstream.highest).toBe(limit);
  });

  it("is found over its limit after Redis was restarted empty", async () => {
    // They still work, and know of nothing, when others are granted what Redis has forgotten.
    const long = settings({ leaseMs: 30_000, workMs: [10_000, 10_000] });
    await start([long, long, long]);
    await until(() => upstream.running === limit, { what: "all permits to be held", timeoutMs: 10_000 });
    await redis.restart({ empty: true });
    await until(() => upstream.highest > limit, { what: "more work than permits", timeoutMs: 10_000 });
    await stop();
    expectOver();
  });

  it("is found over its limit when two callers use different timeouts", async () => {
    await start([settings({})]);
    await until(() => upstream.running === limit, { what: "all permits to be held", timeoutMs: 10_000 });
    await start([settings({ leaseMs: 200 })]);
    await until(() => upstream.highest > limit, { what: "more work than permits", timeoutMs: 10_000 });
    await stop();
    expectOver();
  });
});
