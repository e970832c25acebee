import { Counter, Registry } from "prom-client";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { StoreUnavailableError } from "../../src/errors.js";
import { type MeteredStore, meteredStore } from "../../src/prometheus/index.js";
import type { Refusal } from "../../src/refusal.js";
import { Semaphore } from "../../src/semaphore.js";
import type { Store } from "../../src/store.js";
import { memoryStore } from "../../src/stores/memory/index.js";
import { deferred, grantOf, StubStore } from "../semaphore/stub-store.js";
import { request } from "./fixtures.js";
import { scrape } from "./scrape.js";

let registry: Registry;
beforeEach(() => {
  registry = new Registry();
});
afterEach(() => {
  vi.useRealTimers();
});

const over = (store: Store): MeteredStore => meteredStore(store, { registry });

test("the metrics bear the names and the types that dashboards rely on", async () => {
  over(memoryStore());
  expect(Object.fromEntries((await scrape(registry)).types)).toEqual({
    sluice_limit: "gauge",
    sluice_permits_in_use: "gauge",
    sluice_waiters: "gauge",
    sluice_oldest_lease_timestamp_seconds: "gauge",
    sluice_oldest_waiter_timestamp_seconds: "gauge",
    sluice_store_grants_total: "counter",
    sluice_store_lapses_total: "counter",
    sluice_store_revocations_total: "counter",
    sluice_acquires_total: "counter",
    sluice_acquire_wait_seconds: "histogram",
    sluice_lease_duration_seconds: "histogram",
    sluice_releases_total: "counter",
    sluice_renewals_total: "counter",
    sluice_leases_lost_total: "counter",
    sluice_limit_conflicts_total: "counter",
    sluice_recovery_active: "gauge",
    sluice_recoveries_total: "counter",
    sluice_store_up: "gauge",
    sluice_store_errors_total: "counter",
    sluice_store_roundtrip_seconds: "histogram",
    sluice_store_batch_operations: "histogram",
  });
});

test("a semaphore over a metered store behaves as over the store itself, and is counted", async () => {
  const store = over(memoryStore());
  const semaphore = new Semaphore(store, "openai", { limit: 2 });
  const leases = [await semaphore.acquire(), await semaphore.acquire()];
  expect(await semaphore.tryAcquire()).toBeUndefined();
  const queued = semaphore.acquire();
  const held = await scrape(registry);
  expect(held.value('sluice_limit{semaphore="openai"}')).toBe(2);
  expect(held.value('sluice_permits_in_use{semaphore="openai"}')).toBe(2);
  expect(held.value('sluice_waiters{semaphore="openai"}')).toBe(1);
  for (const lease of leases) await lease.release();
  await (await queued).release();
  const after = await scrape(registry);
  expect(after.value('sluice_acquires_total{semaphore="openai",outcome="granted"}')).toBe(3);
  expect(after.value('sluice_acquires_total{semaphore="openai",outcome="timeout"}')).toBe(1);
  expect(after.value('sluice_acquire_wait_seconds_count{semaphore="openai"}')).toBe(3);
  expect(after.value('sluice_lease_duration_seconds_count{semaphore="openai"}')).toBe(3);
  expect(after.value('sluice_releases_total{semaphore="openai",reason="explicit"}')).toBe(3);
  expect(after.value('sluice_permits_in_use{semaphore="openai"}')).toBe(0);
  expect(after.value('sluice_store_grants_total{semaphore="openai"}')).toBe(3);
  expect(after.value("sluice_store_up")).toBe(1);
  await store.close();
});

test("waits and durations are measured in seconds, from 1 ms to 10 minutes", async () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  const inner = new StubStore();
  const answer = deferred<void>();
  const grant = inner.onAcquire;
  inner.onAcquire = (asked) => answer.promise.then(() => grant(asked));
  const store = over(inner);
  const acquired = store.acquire(request);
  vi.advanceTimersByTime(2_000);
  answer.resolve();
  await acquired;
  vi.advanceTimersByTime(45_000);
  await store.release(request);
  const { value } = await scrape(registry);
  expect(value('sluice_acquire_wait_seconds_sum{semaphore="openai"}')).toBeCloseTo(2);
  expect(value('sluice_acquire_wait_seconds_bucket{le="1",semaphore="openai"}')).toBe(0);
  expect(value('sluice_acquire_wait_seconds_bucket{le="2.5",semaphore="openai"}')).toBe(1);
  expect(value('sluice_lease_duration_seconds_sum{semaphore="openai"}')).toBeCloseTo(45);
  for (const bound of ["0.001", "600"]) {
    expect(value(`sluice_lease_duration_seconds_bucket{le="${bound}",semaphore="openai"}`)).toBeDefined();
  }
});

const outcomes: [Refusal, string][] = [
  [{ outcome: "timeout", limit: 10 }, "timeout"],
  [{ outcome: "aborted" }, "aborted"],
  [{ outcome: "superseded" }, "aborted"],
  [{ outcome: "queue_full", limit: 10, maxWaiters: 5 }, "queue_full"],
  [{ outcome: "exceeds_limit", limit: 10 }, "error"],
  [{ outcome: "unknown" }, "error"],
  [{ outcome: "reused" }, "error"],
  [{ outcome: "recovering", retryAfterMs: 5 }, "error"],
];

test.each(outcomes)("the answer %j is counted as %s, and its wait is not", async (refusal, outcome) => {
  const inner = new StubStore();
  inner.onAcquire = async () => refusal;
  expect(await over(inner).acquire(request)).toBe(refusal);
  const { value } = await scrape(registry);
  for (const label of ["granted", "timeout", "aborted", "queue_full", "error"]) {
    const expected = label === outcome ? 1 : 0;
    expect(value(`sluice_acquires_total{semaphore="openai",outcome="${label}"}`), label).toBe(expected);
  }
  expect(value('sluice_acquire_wait_seconds_count{semaphore="openai"}') ?? 0).toBe(0);
});

test("a failing store is counted, and its error reaches the caller untouched", async () => {
  const inner = new StubStore();
  const error = new StoreUnavailableError("gone");
  inner.onAcquire = () => Promise.reject(error);
  inner.onRelease = () => Promise.reject(error);
  inner.onRenew = () => Promise.reject(error);
  inner.onDefine = () => Promise.reject(error);
  const store = over(inner);
  await expect(store.acquire(request)).rejects.toBe(error);
  await expect(store.release(request)).rejects.toBe(error);
  await expect(store.renew("openai", [{ lease: "a" }, { lease: "b" }])).rejects.toBe(error);
  await expect(store.define("openai", { limit: 1, leaseMs: 1, maxWaiters: 1 })).rejects.toBe(error);
  const { value } = await scrape(registry);
  expect(value("sluice_store_errors_total")).toBe(4);
  expect(value('sluice_acquires_total{semaphore="openai",outcome="error"}')).toBe(1);
  expect(value('sluice_renewals_total{semaphore="openai",outcome="error"}')).toBe(2);
  expect(value('sluice_releases_total{semaphore="openai",reason="explicit"}')).toBe(0);
});

test("a release is counted by its reason, once it gave something back", async () => {
  const store = over(memoryStore());
  for (const lease of ["a", "b", "c"]) await store.acquire({ ...request, lease });
  expect(await store.release({ semaphore: "openai", lease: "a" })).toBe(true);
  expect(await store.release({ semaphore: "openai", lease: "b" }, "disconnect")).toBe(true);
  expect(await store.release({ semaphore: "openai", lease: "c" }, "disconnect")).toBe(true);
  expect(await store.release({ semaphore: "openai", lease: "c" })).toBe(false);
  const { value } = await scrape(registry);
  expect(value('sluice_releases_total{semaphore="openai",reason="explicit"}')).toBe(1);
  expect(value('sluice_releases_total{semaphore="openai",reason="disconnect"}')).toBe(2);
  expect(value('sluice_leases_lost_total{semaphore="openai"}')).toBe(0);
});

test("a lease that the store has named by itself, and renews by itself, is known by that name", async () => {
  const inner = new StubStore();
  inner.onAcquire = async (asked) => ({ ...grantOf(asked), lease: "its-own" });
  const store = over(inner);
  const confirmed: number[] = [];
  await store.acquire({ ...request, lease: "asked-for", onRenewed: (until) => confirmed.push(until) });
  inner.acquires[0]?.onRenewed?.(5);
  inner.acquires[0]?.onLost?.("lapsed");
  expect(confirmed).toEqual([5]);
  const { value } = await scrape(registry);
  expect(value('sluice_leases_lost_total{semaphore="openai"}')).toBe(1);
  expect(value('sluice_lease_duration_seconds_count{semaphore="openai"}')).toBe(1);
});

test("a lost lease is counted once, by whichever way its loss is learned first", async () => {
  const inner = new StubStore();
  const store = over(inner);
  const told: string[] = [];
  const acquire = (lease: string) =>
    store.acquire({ ...request, lease, onLost: (reason) => told.push(reason) });
  for (const lease of ["by-notice", "by-renewal", "by-release", "unknown-attempt"]) await acquire(lease);
  inner.acquires[0]?.onLost?.("revoked");
  expect((await scrape(registry)).value('sluice_leases_lost_total{semaphore="openai"}')).toBe(1);
  inner.onRenew = async (renewals) =>
    renewals.map(({ lease }) => ({ lease, renewed: false, reason: "lapsed" }));
  for (let count = 0; count < 2; count += 1) {
    await store.renew("openai", [{ lease: "by-renewal" }, { lease: "by-notice" }]);
  }
  inner.onRelease = async () => false;
  for (const lease of ["by-release", "by-release", "by-notice", "by-renewal"]) {
    await store.release({ semaphore: "openai", lease });
  }
  await store.release({ semaphore: "openai", lease: "unknown-attempt", attempt: "an older one" });
  expect(told).toEqual(["revoked"]);
  const { value } = await scrape(registry);
  expect(value('sluice_leases_lost_total{semaphore="openai"}')).toBe(3);
  expect(value('sluice_lease_duration_seconds_count{semaphore="openai"}')).toBe(3);
  expect(value('sluice_renewals_total{semaphore="openai",outcome="lapsed"}')).toBe(4);
});

test("renewals are counted by lease", async () => {
  const store = over(memoryStore());
  await store.acquire(request);
  await store.acquire({ ...request, lease: "lease-2" });
  await store.renew("openai", [{ lease: "lease-1" }, { lease: "lease-2" }, { lease: "nobody" }]);
  await store.revoke("openai", "lease-2");
  await store.renew("openai", [{ lease: "lease-2" }]);
  const { value } = await scrape(registry);
  expect(value('sluice_renewals_total{semaphore="openai",outcome="renewed"}')).toBe(2);
  expect(value('sluice_renewals_total{semaphore="openai",outcome="lapsed"}')).toBe(1);
  expect(value('sluice_renewals_total{semaphore="openai",outcome="revoked"}')).toBe(1);
});

test("every answer under another limit than asked counts as a conflict", async () => {
  const store = over(memoryStore());
  await store.define("openai", { limit: 1, leaseMs: 1_000, maxWaiters: 10 });
  await store.acquire({ ...request, create: undefined });
  expect((await scrape(registry)).value('sluice_limit_conflicts_total{semaphore="openai"}')).toBe(0);
  await store.acquire({ ...request, lease: "lease-2" });
  await store.acquire({ ...request, lease: "lease-3", permits: 5 });
  expect((await scrape(registry)).value('sluice_limit_conflicts_total{semaphore="openai"}')).toBe(2);
});

test("round trips and the size of batches come from the store itself", async () => {
  const inner = new StubStore();
  const store = over(inner);
  for (const observer of inner.observers) {
    observer.roundtrip?.({ durationMs: 3, operations: 5 });
    observer.roundtrip?.({ durationMs: 1, operations: 1 });
  }
  const { value } = await scrape(registry);
  expect(value("sluice_store_roundtrip_seconds_sum")).toBeCloseTo(0.004);
  expect(value("sluice_store_batch_operations_sum")).toBe(6);
  expect(value("sluice_store_batch_operations_count")).toBe(2);
  await store.close();
  expect(inner.observers.size).toBe(0);
});

test("a closed store takes its metrics with it, and those alone", async () => {
  new Counter({ name: "mine_total", help: "Of the application.", registers: [registry] });
  const store = over(memoryStore());
  await scrape(registry);
  await store.close();
  expect([...(await scrape(registry)).types.keys()]).toEqual(["mine_total"]);
  over(memoryStore());
});

test("bad arguments are refused by name", () => {
  // biome-ignore lint/suspicious/noExplicitAny: arguments as a caller without types may hand them in
  const meter = meteredStore as (...args: any[]) => Store;
  expect(() => meter({})).toThrow(/^store must be a Store/);
  expect(() => meter(memoryStore(), { registry, maxSemaphores: -1 })).toThrow(
    /^maxSemaphores must be an integer/,
  );
  expect(() => meter(memoryStore(), { registry: {} })).toThrow("registry must be a Registry of prom-client");
  expect(() => meter(memoryStore(), { registry, prefix: "x" })).toThrow(/^options\.prefix must be left out/);
  over(memoryStore());
  expect(() => over(memoryStore())).toThrow("registry must be free of the metrics of another metered store");
});

test("leases that were neither released nor renewed here are forgotten in time, and no others", async () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  const inner = new StubStore();
  const store = over(inner);
  const acquire = (lease: string) => store.acquire({ ...request, lease });
  for (let count = 0; count < 1_000; count += 1) await acquire(`old-${count}`);
  vi.advanceTimersByTime(700_000);
  await store.renew("openai", [{ lease: "old-2" }]);
  for (let count = 0; count < 1_000; count += 1) await acquire(`young-${count}`);
  for (const lease of ["old-1", "old-2", "young-1"]) await store.release({ semaphore: "openai", lease });
  const { value } = await scrape(registry);
  expect(value('sluice_lease_duration_seconds_count{semaphore="openai"}')).toBe(2);
});

test("a lease that is granted once more is measured from its first grant", async () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  const store = over(new StubStore());
  await store.acquire(request);
  vi.advanceTimersByTime(3_000);
  await store.acquire({ ...request, attempt: "second" });
  await store.release(request);
  const { value } = await scrape(registry);
  expect(value('sluice_lease_duration_seconds_sum{semaphore="openai"}')).toBeCloseTo(3);
});
