import { hostname } from "node:os";
import { expect, test } from "vitest";
import {
  AcquireAbortedError,
  AcquireTimeoutError,
  PermitsExceedLimitError,
  QueueFullError,
  RecoveringError,
  SemaphoreUnknownError,
  StoreIncompatibleError,
  StoreUnavailableError,
} from "../../src/errors.js";
import type { Refusal } from "../../src/refusal.js";
import { Semaphore } from "../../src/semaphore.js";
import { memoryStore } from "../../src/stores/memory/index.js";
import { deferred, grantOf, StubStore } from "./stub-store.js";

test("an acquire without options asks for one permit and waits without end", async () => {
  const store = new StubStore();
  await new Semaphore(store, "openai", { limit: 10 }).acquire();
  expect(store.acquires[0]).toMatchObject({
    semaphore: "openai",
    permits: 1,
    priority: 0,
    waitMs: Number.POSITIVE_INFINITY,
    leaseMs: undefined,
    attempt: "",
    fingerprint: "",
    create: { limit: 10, leaseMs: 10_000, maxWaiters: 100_000 },
  });
  expect(store.acquires[0]?.holder).toBe(`${hostname()}:${process.pid}`);
});

test("options reach the store, those of the call before those of the semaphore", async () => {
  const store = new StubStore();
  const { signal } = new AbortController();
  const semaphore = new Semaphore(store, "openai", { leaseMs: 3_000, holder: "worker" });
  await semaphore.acquire();
  await semaphore.acquire({ permits: 2, waitMs: 50, priority: 7, leaseMs: 4_000, holder: "job 5", signal });
  expect(store.acquires[0]).toMatchObject({ leaseMs: 3_000, holder: "worker", create: undefined });
  expect(store.acquires[1]).toMatchObject({
    permits: 2,
    waitMs: 50,
    priority: 7,
    leaseMs: 4_000,
    holder: "job 5",
  });
  expect(store.signals).toEqual([undefined, signal]);
});

test("every acquire names a lease of its own: 22 characters that nobody can guess", async () => {
  const store = new StubStore();
  const semaphore = new Semaphore(store, "openai", { limit: 10 });
  for (let count = 0; count < 1_000; count += 1) await (await semaphore.acquire()).release();
  const ids = store.acquires.map(({ lease }) => lease);
  expect(new Set(ids).size).toBe(1_000);
  for (const id of ids) expect(id).toMatch(/^[A-Za-z0-9_-]{22}$/);
});

test("a lease tells what was granted", async () => {
  const store = new StubStore();
  store.onAcquire = async (request) => ({ ...grantOf(request), permits: 3, fence: 1_700_000_000_000_123 });
  const lease = await new Semaphore(store, "openai", { limit: 10 }).acquire({ permits: 3 });
  expect(lease).toMatchObject({ id: store.acquires[0]?.lease, permits: 3, fence: 1_700_000_000_000_123 });
  expect(lease.remainingMs).toBeGreaterThan(9_000);
  expect(lease.remainingMs).toBeLessThanOrEqual(10_000);
});

const refusals: [Refusal, new (...args: never[]) => Error, object][] = [
  [
    { outcome: "timeout", limit: 10 },
    AcquireTimeoutError,
    { code: "ACQUIRE_TIMEOUT", waitMs: 50, limit: 10 },
  ],
  [{ outcome: "aborted" }, AcquireAbortedError, { code: "ACQUIRE_ABORTED" }],
  [
    { outcome: "queue_full", limit: 10, maxWaiters: 4 },
    QueueFullError,
    { code: "QUEUE_FULL", maxWaiters: 4 },
  ],
  [
    { outcome: "exceeds_limit", limit: 1 },
    PermitsExceedLimitError,
    { code: "PERMITS_EXCEED_LIMIT", permits: 2, limit: 1 },
  ],
  [{ outcome: "unknown" }, SemaphoreUnknownError, { code: "SEMAPHORE_UNKNOWN" }],
  [{ outcome: "recovering", retryAfterMs: 900 }, RecoveringError, { code: "RECOVERING", retryAfterMs: 900 }],
  [{ outcome: "reused" }, StoreIncompatibleError, { code: "STORE_INCOMPATIBLE" }],
  [{ outcome: "superseded" }, StoreIncompatibleError, { code: "STORE_INCOMPATIBLE" }],
];

test.each(refusals)(
  "the refusal %j is an error of its own, with its numbers",
  async (refusal, type, fields) => {
    const store = new StubStore();
    store.onAcquire = async () => refusal;
    const error = await new Semaphore(store, "openai")
      .acquire({ permits: 2, waitMs: 50 })
      .catch((caught) => caught);
    expect(error).toBeInstanceOf(type);
    expect(error).toMatchObject(fields);
    expect(error.message).toContain("openai");
  },
);

test("an aborted acquire rejects with the reason of the signal as its cause", async () => {
  const semaphore = new Semaphore(memoryStore(), "openai", { limit: 0 });
  const controller = new AbortController();
  const waiting = semaphore.acquire({ signal: controller.signal });
  const reason = new Error("the user left");
  controller.abort(reason);
  await expect(waiting).rejects.toMatchObject({ code: "ACQUIRE_ABORTED", cause: reason });
  expect((await semaphore.inspect()).waiting).toBe(0);
});

test("a failing store fails the acquire with its own error", async () => {
  const store = new StubStore();
  const away = new StoreUnavailableError("no connection");
  store.onAcquire = () => Promise.reject(away);
  const semaphore = new Semaphore(store, "openai", { limit: 1 });
  await expect(semaphore.acquire()).rejects.toBe(away);
  await expect(semaphore.tryAcquire()).rejects.toBe(away);
  await expect(semaphore.use(() => "never run")).rejects.toBe(away);
});

test("tryAcquire never waits, and returns undefined where the permits are taken", async () => {
  const semaphore = new Semaphore(memoryStore(), "openai", { limit: 1 });
  const lease = await semaphore.tryAcquire();
  expect(await semaphore.tryAcquire()).toBeUndefined();
  await lease?.release();
  expect(await semaphore.tryAcquire({ permits: 1 })).toBeDefined();
});

test("tryAcquire throws whatever is not a matter of time", async () => {
  const store = memoryStore();
  await expect(new Semaphore(store, "nobody").tryAcquire()).rejects.toMatchObject({
    code: "SEMAPHORE_UNKNOWN",
  });
  const semaphore = new Semaphore(store, "openai", { limit: 1 });
  await expect(semaphore.tryAcquire({ permits: 2 })).rejects.toMatchObject({ code: "PERMITS_EXCEED_LIMIT" });
  const signal = AbortSignal.abort();
  await expect(semaphore.tryAcquire({ signal })).rejects.toMatchObject({ code: "ACQUIRE_ABORTED" });
});

test("a lease that is lost before its grant is read comes back as a lost one", async () => {
  const store = new StubStore();
  store.onAcquire = async (request) => {
    request.onLost?.("revoked");
    return grantOf(request);
  };
  const lease = await new Semaphore(store, "openai", { limit: 1 }).acquire();
  expect(lease.remainingMs).toBeLessThanOrEqual(0);
  expect(lease.signal.reason).toMatchObject({ code: "LEASE_LOST", reason: "revoked" });
});

test("an acquire hands the store one request and takes one answer, in call order", async () => {
  const store = new StubStore();
  const answers = [deferred<void>(), deferred<void>(), deferred<void>()];
  store.onAcquire = (request) =>
    (answers[store.acquires.length - 1]?.promise ?? Promise.resolve()).then(() => grantOf(request));
  const semaphore = new Semaphore(store, "openai", { limit: 3 });
  const leases = [
    semaphore.acquire({ holder: "a" }),
    semaphore.acquire({ holder: "b" }),
    semaphore.acquire({ holder: "c" }),
  ];
  expect(store.acquires.map(({ holder }) => holder)).toEqual(["a", "b", "c"]);
  for (const answer of answers.reverse()) answer.resolve();
  expect((await Promise.all(leases)).map(({ id }) => id)).toEqual(store.acquires.map(({ lease }) => lease));
});

test("hundreds of acquires share one signal without a warning, and end with it", async () => {
  const warnings: string[] = [];
  const listen = (warning: Error) => warnings.push(warning.name);
  process.on("warning", listen);
  const semaphore = new Semaphore(memoryStore(), "openai", { limit: 0 });
  const controller = new AbortController();
  const waits = Array.from({ length: 300 }, () => semaphore.acquire({ signal: controller.signal }));
  await new Promise(setImmediate);
  controller.abort();
  const ends = await Promise.allSettled(waits);
  process.off("warning", listen);
  expect(ends.every(({ status }) => status === "rejected")).toBe(true);
  expect(warnings).toEqual([]);
});
