import { redisStore } from "@sluice/core/redis";
import { askRedis, type RedisServer, startRedis, until } from "@sluice/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Sidecar } from "../src/sidecar.js";
import { RawSession } from "./session-client.js";
import { startTestSidecar } from "./sidecars.js";

const SESSIONS = 500;
const LEASES_EACH = 10;
const SEMAPHORES = ["a", "b", "c"];
const LEASE_MS = 9_000;
/** A renewal is due when a third of a lease has passed, less what clocks may disagree by. */
const INTERVAL_MS = 0.95 * (LEASE_MS / 3);
const ROUNDS = 3;

let redis: RedisServer;
let sidecar: Sidecar;
/** What the sidecar has asked of its store: the renewal of so many leases at once. */
const rounds: { readonly semaphore: string; readonly leases: number }[] = [];

beforeAll(async () => {
  redis = await startRedis();
  const store = redisStore(redis.url, { assumeFresh: true });
  const renew = store.renew.bind(store);
  store.renew = (semaphore, renewals) => {
    rounds.push({ semaphore, leases: renewals.length });
    return renew(semaphore, renewals);
  };
  sidecar = await startTestSidecar({ store });
});

afterAll(async () => {
  await sidecar.close();
  await redis.stop();
});

async function scriptCalls(): Promise<number> {
  const stats = String(await askRedis(redis.port, ["INFO", "commandstats"]));
  return Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1] ?? 0);
}

async function openSession(): Promise<RawSession> {
  const session = await RawSession.open(sidecar.url);
  const leases = Array.from({ length: LEASES_EACH }, (_, index) =>
    session.acquire(SEMAPHORES[index % SEMAPHORES.length] ?? "", { limit: 10_000, leaseMs: LEASE_MS }),
  );
  await Promise.all(leases);
  return session;
}

/** How many leases of it are held. */
function leasesOf(name: string): number {
  const each = Array.from({ length: LEASES_EACH }, (_, index) => SEMAPHORES[index % SEMAPHORES.length]);
  return SESSIONS * each.filter((semaphore) => semaphore === name).length;
}

/** Resolves when all leases of every semaphore have been renewed at once, so many times from now on. */
async function roundsOfAll(count: number): Promise<void> {
  const from = rounds.length;
  const roundsOf = (name: string) =>
    rounds.slice(from).filter(({ semaphore, leases }) => semaphore === name && leases === leasesOf(name));
  await until(() => SEMAPHORES.every((name) => roundsOf(name).length >= count), {
    what: "rounds of renewals",
    timeoutMs: 60_000,
  });
}

it("500 sessions with 10 leases each cost Redis one call for each semaphore and interval", async () => {
  const sessions: RawSession[] = [];
  while (sessions.length < SESSIONS)
    sessions.push(...(await Promise.all(Array.from({ length: 20 }, () => openSession()))));
  // Leases that were granted at different times come to be renewed together after a round or two.
  await roundsOfAll(1);
  const [callsBefore, roundsBefore, from] = [await scriptCalls(), rounds.length, performance.now()];
  await roundsOfAll(ROUNDS);
  const intervals = (performance.now() - from) / INTERVAL_MS;
  const later = rounds.slice(roundsBefore);
  const calls = (await scriptCalls()) - callsBefore;
  console.log(
    `${SESSIONS * LEASES_EACH} leases of ${SEMAPHORES.length} semaphores: ${calls} calls, ${later.length} rounds`,
  );
  // One more of each semaphore may be under way at the beginning, and at the end.
  expect(calls).toBeLessThanOrEqual(later.length + SEMAPHORES.length);
  expect(calls).toBeGreaterThanOrEqual(later.length - SEMAPHORES.length);
  // However late they were, none was made but when it was due.
  expect(later.length).toBeLessThanOrEqual((Math.floor(intervals) + 1) * SEMAPHORES.length);
  for (const name of SEMAPHORES) expect((await sidecar.store.inspect(name))?.lapsesTotal).toBe(0);
  expect(sidecar.leasesHeld).toBe(SESSIONS * LEASES_EACH);
  expect(sessions.every(({ events }) => events.every(({ event }) => event !== "lost"))).toBe(true);
}, 120_000);
