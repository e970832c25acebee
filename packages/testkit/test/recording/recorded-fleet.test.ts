import {
  describeReport,
  type FleetSettings,
  judge,
  RecordedFleet,
  type RedisServer,
  redisStoreMaker,
  startRedis,
  startUpstream,
  type Upstream,
  until,
} from "@sluice/testkit";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Acquire } from "../../src/history/history.js";

const limit = 3;

let redis: RedisServer;
let upstream: Upstream;
let fleet: RecordedFleet;
let prefixes = 0;

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

beforeEach(async () => {
  prefixes += 1;
  upstream = await startUpstream();
  fleet = new RecordedFleet();
});

afterEach(async () => {
  await fleet[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

function settings(more: Partial<FleetSettings> = {}): FleetSettings {
  const { host, port } = upstream;
  const options = { prefix: `fleet-${prefixes}`, assumeFresh: true };
  return {
    semaphore: "api",
    limit,
    leaseMs: 600,
    seed: 1,
    store: redisStoreMaker(redis.url, options),
    upstream: { host, port },
    ...more,
  };
}

async function worked(count: number): Promise<void> {
  const before = upstream.begun;
  await until(() => upstream.begun >= before + count, { what: `${count} pieces of work`, timeoutMs: 15_000 });
}

describe("a recorded fleet", () => {
  it("records an honest history while one is killed, one stopped and one blocked", async () => {
    const waitsMs = [null, 0, 100];
    const each = settings({ permits: [1, 2], priorities: [0, 5], waitsMs, lookEveryMs: 20 });
    const [killed, stopped, blocked, left] = await fleet.addAll([each, each, each, each]);
    for (const worker of fleet.workers) worker.start();
    await worked(40);
    await killed?.kill();
    stopped?.pause();
    await worked(20);
    stopped?.resume();
    blocked?.block(900);
    await worked(40);
    const counts = await Promise.all([stopped, blocked, left].map((worker) => worker?.stop()));
    const report = judge(fleet.history(), { limit });
    expect(describeReport(report)).toBe("");
    expect(report.highest.permits).toBe(limit);
    const ofOthers = counts.reduce((sum, count) => sum + (count?.granted ?? 0), 0);
    expect(report.counts.granted).toBeGreaterThan(ofOthers);
    expect(report.stuck.ms).toBeLessThan(2 * 600 + 1_000);
  }, 60_000);

  it("loses no line when it is killed: all work that the witness saw stands in the log", async () => {
    const [worker] = await fleet.addAll([settings({ workMs: [0, 1], pauseMs: [0, 0] })]);
    worker?.start();
    await worked(100);
    await worker?.kill();
    const { counts } = judge(fleet.history(), { limit });
    expect(counts.granted).toBeGreaterThanOrEqual(upstream.begun);
  });

  it("believes in a lease for as long as it is renewed, and until its process dies", async () => {
    const worker = await fleet.add(settings({ loops: 1, workMs: [60_000, 60_000], leaseMs: 1_500 }));
    worker.start();
    await until(() => fleet.history().acquires.some((acquire) => beliefMs(acquire) > 2_200), {
      what: "a lease that is believed in for longer than its time",
      timeoutMs: 20_000,
    });
    await worker.kill();
    const { acquires, endedAt } = fleet.history();
    expect(acquires).toHaveLength(1);
    expect(acquires[0]?.beliefs).toHaveLength(1);
    expect(acquires[0]?.beliefs[0]?.to).toBe(worker.fate.killedAt);
    expect(endedAt).toBeLessThanOrEqual(worker.fate.killedAt ?? 0);
  }, 30_000);

  it("goes on when the store was away", async () => {
    const away = await startRedis();
    const store = redisStoreMaker(away.url, { assumeFresh: true, maxLeaseMs: 600 });
    const worker = await fleet.add(settings({ store, waitsMs: [0], loops: 1 }));
    worker.start();
    await worked(5);
    await away.kill();
    const unknown = () => fleet.history().acquires.some(({ code }) => code === "STORE_UNAVAILABLE");
    await until(unknown, { what: "an acquire that failed", timeoutMs: 10_000 });
    await away.start();
    await worked(5);
    expect((await worker.stop()).unknown).toBeGreaterThan(0);
    await away.stop();
  }, 30_000);

  it("chooses the same for the same seed", async () => {
    const varied = {
      loops: 1,
      rounds: 12,
      permits: [1, 3],
      priorities: [-1, 0, 1],
      waitsMs: [null, 50],
    } as const;
    const chosen: unknown[] = [];
    for (const seed of [5, 5, 6]) {
      await using other = new RecordedFleet();
      const worker = await other.add(settings({ ...varied, seed, workMs: [0, 1] }));
      worker.start();
      await worker.stopped();
      chosen.push(
        other.history().acquires.map(({ permits, priority, waitMs }) => ({ permits, priority, waitMs })),
      );
    }
    expect(chosen[0]).toHaveLength(12);
    expect(chosen[1]).toEqual(chosen[0]);
    expect(chosen[2]).not.toEqual(chosen[0]);
  }, 30_000);
});

function beliefMs({ beliefs }: Acquire): number {
  return beliefs.reduce((sum, { from, to }) => sum + (to - from), 0);
}
