import { redisStore } from "@sluice/core/redis";
import { askRedis, type RedisServer, startRedis, until } from "@sluice/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Sidecar } from "../src/sidecar.js";
import { RawSession } from "./session-client.js";
import { startTestSidecar } from "./sidecars.js";

const SESSIONS = 500;
const LEASES_EACH = 10;
const SEMAPHORES = ["a", "b", "c"];
const LEASE_MS = 6_000;
const INTERVAL_MS = LEASE_MS / 3;

let redis: RedisServer;
let sidecar: Sidecar;

beforeAll(async () => {
  redis = await startRedis();
  sidecar = await startTestSidecar({ store: redisStore(redis.url, { assumeFresh: true }) });
});

afterAll(async () => {
  await sidecar.close();
  await redis.stop();
});

async function scriptCalls(): Promise<number> {
  const stats = String(await askRedis(redis.port, ["INFO", "commandstats"]));
  return Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1] ?? 0);
}

it("500 sessions with 10 leases each cost Redis one call for each semaphore and interval", async () => {
  const sessions: RawSession[] = [];
  for (let count = 0; count < SESSIONS; count++) sessions.push(await RawSession.open(sidecar.url));
  await Promise.all(
    sessions.flatMap((session) =>
      Array.from({ length: LEASES_EACH }, (_, index) =>
        session.acquire(SEMAPHORES[index % SEMAPHORES.length] ?? "", { limit: 10_000, leaseMs: LEASE_MS }),
      ),
    ),
  );
  const intervals = async (count: number) => {
    const from = performance.now();
    await until(() => performance.now() - from > count * INTERVAL_MS, {
      what: "some intervals",
      timeoutMs: 60_000,
    });
  };
  // Leases that were granted at different times come to be renewed together after a round or two.
  await intervals(3);
  const before = await scriptCalls();
  await intervals(5);
  const calls = (await scriptCalls()) - before;
  console.log(
    `${SESSIONS * LEASES_EACH} leases of ${SEMAPHORES.length} semaphores: ${calls} calls in 5 intervals`,
  );
  // One interval more, for where the five begin.
  expect(calls).toBeLessThanOrEqual(6 * SEMAPHORES.length);
  expect(calls).toBeGreaterThanOrEqual(4 * SEMAPHORES.length);
  for (const name of SEMAPHORES) expect((await sidecar.store.inspect(name))?.lapsesTotal).toBe(0);
  expect(sidecar.leasesHeld).toBe(SESSIONS * LEASES_EACH);
  expect(sessions.every(({ events }) => events.every(({ event }) => event !== "lost"))).toBe(true);
}, 90_000);
