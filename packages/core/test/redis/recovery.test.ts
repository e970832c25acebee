import { type RedisServer, startRedis, until } from "@sluice/testkit";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { RecoveringError } from "../../src/errors.js";
import { newLeaseId } from "../../src/ids.js";
import { Semaphore } from "../../src/semaphore.js";
import type { AcquireRequest, Grant, Store, StoreObserver } from "../../src/store.js";
import { redisStore } from "../../src/stores/redis/index.js";
import { freshStore } from "./fresh-store.js";

type RecoveryEvent = Parameters<NonNullable<StoreObserver["recovery"]>>[0];

const maxLeaseMs = 2_000;
const leaseMs = 2_000;
const definition = { limit: 2, leaseMs };

let server: RedisServer;
let stores: Store[];

function open(make: typeof freshStore = freshStore, longestMs = maxLeaseMs): Store {
  const store = make(server.url, { maxLeaseMs: longestMs });
  stores.push(store);
  return store;
}

beforeEach(async () => {
  stores = [];
  server = await startRedis();
});
afterEach(async () => {
  await Promise.all(stores.map((store) => store.close()));
  await server.stop();
});

const waysToLose: [string, () => Promise<unknown>][] = [
  ["was killed and comes back empty", () => server.restart({ empty: true })],
  ["was flushed", () => server.command("FLUSHALL")],
];

/** For tests that end within the recovery, or with leases that are still held, however slow the machine is. */
const longMs = 15_000;

/** A lease that nobody renews: the store alone knows of it. */
async function hold(store: Store, name = "api", more: Partial<AcquireRequest> = {}): Promise<Grant> {
  const request: AcquireRequest = {
    semaphore: name,
    lease: newLeaseId(),
    attempt: "",
    fingerprint: "",
    permits: 1,
    priority: 0,
    waitMs: 0,
    leaseMs: undefined,
    holder: "test",
    create: { ...definition, maxWaiters: 10 },
    ...more,
  };
  const result = await store.acquire(request);
  if (result.outcome !== "granted") throw new Error(`not granted, but ${result.outcome}`);
  return result;
}

describe.each(waysToLose)("a server that %s", (_, lose) => {
  test("has the leases back from their holders, and grants nobody more than the limit", async () => {
    const [here, there] = [open(), open()].map((store) => new Semaphore(store, "api", definition));
    if (here === undefined || there === undefined) throw new Error("two semaphores were made");
    const held = [await here.acquire(), await there.acquire()];
    const waiting = there.acquire();
    await lose();
    await until(async () => (await here.inspect()).inUse === 2, { what: "both leases to be claimed" });
    expect((await here.inspect()).recovering).toBe(true);
    await expect(here.tryAcquire()).rejects.toBeInstanceOf(RecoveringError);
    expect(await held[0]?.release()).toBe(true);
    const third = await waiting;
    expect(held[1]?.remainingMs).toBeGreaterThan(0);
    expect(third.fence).toBeGreaterThan(Math.max(...held.map(({ fence }) => fence)));
    const { inUse, recovering, leases } = await here.inspect();
    expect({ inUse, recovering }).toEqual({ inUse: 2, recovering: false });
    expect(leases.map(({ lease }) => lease).sort()).toEqual([held[1]?.id, third.id].sort());
    expect(await held[1]?.release()).toBe(true);
  });

  test("grants nothing before those leases are over whose holders are dead", async () => {
    const dead = open();
    const { validUntil } = await hold(dead);
    const other = new Semaphore(open(redisStore), "api", { ...definition, limit: 1 });
    await dead.close();
    await lose();
    await other.acquire();
    expect(performance.now()).toBeGreaterThan(validUntil);
  });

  test("takes the release of a lease that it has lost for one", async () => {
    const store = open(freshStore, longMs);
    const { lease } = await hold(store, "api", { leaseMs: longMs });
    await lose();
    expect(await store.release({ semaphore: "api", lease })).toBe(true);
  });

  test("keeps the limits of semaphores that are quiet", async () => {
    const store = open();
    await store.define("quiet", { limit: 5, leaseMs, maxWaiters: 10 });
    const busy = await new Semaphore(store, "busy", definition).acquire();
    await lose();
    await until(async () => (await store.inspect("quiet"))?.limit === 5, { what: "the limit to be told" });
    await busy.release();
  });

  test("has back a lease for as long as it was renewed", async () => {
    const store = open(freshStore, longMs);
    const { lease } = await hold(store, "api", { leaseMs: 5_000 });
    await store.renew("api", [{ lease, leaseMs: longMs }]);
    await hold(store, "noticing");
    await lose();
    await store.renew("noticing", [{ lease: "none" }]);
    await until(async () => (await store.inspect("api"))?.leases.length === 1, { what: "the claim" });
    const [told] = (await store.inspect("api"))?.leases ?? [];
    expect(told?.expiresInMs).toBeGreaterThan(5_000);
  });

  test("keeps the limit that an operator has set, also for those who bring another", async () => {
    const known = new Semaphore(open(), "api", definition);
    await known.resize(5);
    const lease = await known.acquire();
    await lose();
    const newcomer = new Semaphore(open(redisStore), "api", definition);
    await newcomer.acquire();
    expect(await newcomer.inspect()).toMatchObject({ limit: 5, version: 1, inUse: 2 });
    expect(lease.signal.aborted).toBe(false);
  });
});

test("an incarnation is noticed for every semaphore, also one that is used for the first time during the recovery", async () => {
  const [here, there] = [open(freshStore, longMs), open(freshStore, longMs)];
  await hold(here);
  await hold(there, "idle");
  await server.restart({ empty: true });
  await until(async () => (await here.inspect("api"))?.recovering, { what: "the recovery" });
  await until(async () => (await there.inspect("idle"))?.recovering, { what: "the other store to be back" });
  const request = new Semaphore(there, "new", definition);
  await expect(request.tryAcquire()).rejects.toBeInstanceOf(RecoveringError);
  const newcomer = new Semaphore(open(redisStore, longMs), "idle", definition);
  await expect(newcomer.tryAcquire()).rejects.toBeInstanceOf(RecoveringError);
});

test("a server that started late in a second does not seem older than it is", async () => {
  const dead = open();
  await hold(dead, "warm");
  await until(() => Date.now() % 1_000 > 600 && Date.now() % 1_000 < 700, { what: "late in a second" });
  const { validUntil } = await hold(dead, "api", { leaseMs: maxLeaseMs });
  const closing = dead.close();
  await server.restart({ empty: true });
  await closing;
  const next = new Semaphore(open(redisStore), "api", { ...definition, limit: 1 });
  await next.acquire();
  expect(performance.now()).toBeGreaterThan(validUntil);
});

test("a semaphore that was removed is not brought back by a restart that has kept the data", async () => {
  const [user, operator] = [open(freshStore, longMs), open(freshStore, longMs)];
  await user.define("gone", { limit: 5, leaseMs, maxWaiters: 10 });
  await operator.remove("gone");
  const witness = await new Semaphore(user, "kept", definition).acquire();
  await server.command("SAVE");
  await server.restart();
  await until(async () => (await operator.inspect("kept"))?.recovering, { what: "the recovery" });
  await until(async () => (await user.inspect("kept"))?.recovering, { what: "the other store to be back" });
  await user.renew("gone", []);
  expect(await operator.inspect("gone")).toBeUndefined();
  await witness.release();
});

test("thousands of leases of one process come back", async () => {
  const store = open(freshStore, longMs);
  const create = { limit: 5_000, leaseMs: longMs, maxWaiters: 10 };
  await Promise.all(Array.from({ length: 3_000 }, () => hold(store, "api", { create })));
  await server.restart({ empty: true });
  await until(async () => (await store.inspect("api"))?.inUse === 3_000, { what: "the claims" });
});

test("the release of a former owner does not end a lease that another process has claimed", async () => {
  const [former, latter] = [open(freshStore, longMs), open(freshStore, longMs)];
  const { lease, fence } = await hold(former, "api", { attempt: "1", leaseMs: longMs });
  const restore = { permits: 1, fence, leaseMs: longMs, holder: "test", create: undefined };
  await latter.claim("api", [{ lease, attempt: "2", restore }]);
  await server.restart({ empty: true });
  for (const store of [latter, former]) {
    await until(async () => (await store.inspect("api"))?.inUse === 1, { what: "the claims" });
  }
  expect(await former.release({ semaphore: "api", lease, attempt: "1" })).toBe(false);
  expect((await latter.inspect("api"))?.inUse).toBe(1);
});

test("a recovery is told to observers with its cause, and its end; to one who comes late, too", async () => {
  const [early, late]: [RecoveryEvent[], RecoveryEvent[]] = [[], []];
  const store = open();
  store.observe({ recovery: (event) => early.push(event) });
  await hold(store);
  await server.restart({ empty: true });
  await until(() => early.length > 0, { what: "the news of the recovery" });
  store.observe({ recovery: (event) => late.push(event) });
  await until(() => late.length === 2, { what: "the end of the recovery" });
  const begin = {
    active: true,
    cause: expect.stringContaining("has just started"),
    untilMs: expect.any(Number),
  };
  expect(early).toEqual([begin, { active: false }]);
  expect(late).toEqual([begin, { active: false }]);
  expect(early[0]?.untilMs).toBeLessThanOrEqual(maxLeaseMs);
});

test("a start on a server that has been up for longer than any lease pauses nothing", async () => {
  await until(async () => /uptime_in_seconds:[3-9]/.test(String(await server.command("INFO", "server"))), {
    what: "a server that is old enough",
  });
  const events: RecoveryEvent[] = [];
  const store = open(redisStore);
  store.observe({ recovery: (event) => events.push(event) });
  expect(await new Semaphore(store, "api", definition).tryAcquire()).toBeDefined();
  expect(events).toEqual([]);
});

test("a young server is not trusted, unless it is assumed to be fresh", async () => {
  const store = open(redisStore, longMs);
  await expect(new Semaphore(store, "api", definition).tryAcquire()).rejects.toMatchObject({
    code: "RECOVERING",
  });
});

test("a store that assumed its first server to be fresh does not assume it of the next one", async () => {
  const store = open();
  const { lease } = await hold(store);
  await store.release({ semaphore: "api", lease });
  const endedAt = performance.now();
  await server.restart({ empty: true });
  await new Semaphore(store, "other", definition).acquire();
  expect(performance.now()).toBeGreaterThan(endedAt + maxLeaseMs);
  await expect(new Semaphore(open(), "api", definition).tryAcquire()).resolves.toBeDefined();
});

test("a wait that ends during a recovery says so, and for how long it lasts", async () => {
  const store = open(redisStore, longMs);
  await store.ping();
  const refusal: unknown = await new Semaphore(store, "api", definition)
    .acquire({ waitMs: 500 })
    .catch((error) => error);
  if (!(refusal instanceof RecoveringError)) throw new Error("not refused as recovering", { cause: refusal });
  expect(refusal.retryAfterMs).toBeGreaterThan(0);
  expect(refusal.retryAfterMs).toBeLessThanOrEqual(longMs);
});

test("acquires that were queued are served in their order within a process", async () => {
  const semaphore = new Semaphore(open(), "api", { ...definition, limit: 1 });
  const held = await semaphore.acquire();
  const served: number[] = [];
  const all = [1, 2, 3, 4, 5].map((n) => semaphore.use(() => served.push(n)));
  await until(async () => (await semaphore.inspect()).waiting === 5, { what: "five waiters" });
  await server.restart({ empty: true });
  all.push(semaphore.use(() => served.push(6)));
  await until(async () => (await semaphore.inspect()).inUse === 1, { what: "the claim" }).catch(() => {});
  await held.release();
  await Promise.all(all);
  expect(served).toEqual([1, 2, 3, 4, 5, 6]);
});
