import { Registry } from "prom-client";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { StoreUnavailableError } from "../../src/errors.js";
import { type MeteredStore, meteredStore } from "../../src/prometheus/index.js";
import { Semaphore } from "../../src/semaphore.js";
import type { SemaphoreStatus, Store } from "../../src/store.js";
import { memoryStore } from "../../src/stores/memory/index.js";
import { deferred, StubStore } from "../semaphore/stub-store.js";
import { request, status } from "./fixtures.js";
import { scrape } from "./scrape.js";

let registry: Registry;
beforeEach(() => {
  registry = new Registry();
});
afterEach(() => {
  vi.useRealTimers();
});

const over = (store: Store, maxSemaphores?: number): MeteredStore =>
  meteredStore(store, { registry, maxSemaphores });
const away = () => Promise.reject(new StoreUnavailableError("no connection"));

test("what the store knows is read at each scrape, over all of its pages", async () => {
  const inner = new StubStore();
  inner.onList = async (cursor) =>
    cursor === undefined
      ? { semaphores: [status], cursor: "next" }
      : {
          semaphores: [
            { ...status, semaphore: "idle", inUse: 0, waiting: 0, oldestLeaseMs: 0, oldestWaiterMs: 0 },
          ],
        };
  over(inner);
  const before = Date.now() / 1_000;
  const first = await scrape(registry);
  for (const scraped of [first, await scrape(registry)]) {
    expect(scraped.value('sluice_limit{semaphore="openai"}')).toBe(10);
    expect(scraped.value('sluice_store_grants_total{semaphore="openai"}')).toBe(1_000);
    expect(scraped.value('sluice_store_lapses_total{semaphore="openai"}')).toBe(3);
    expect(scraped.value('sluice_store_revocations_total{semaphore="openai"}')).toBe(1);
    expect(scraped.value('sluice_recovery_active{semaphore="openai"}')).toBe(0);
    expect(scraped.value('sluice_permits_in_use{semaphore="idle"}')).toBe(0);
  }
  const oldestLease = first.value('sluice_oldest_lease_timestamp_seconds{semaphore="openai"}') ?? 0;
  expect(oldestLease).toBeGreaterThanOrEqual(before - 60);
  expect(oldestLease).toBeLessThan(before - 50);
  const oldestWaiter = first.value('sluice_oldest_waiter_timestamp_seconds{semaphore="openai"}') ?? 0;
  expect(oldestWaiter).toBeGreaterThanOrEqual(before - 5);
  expect(first.value('sluice_oldest_lease_timestamp_seconds{semaphore="idle"}')).toBeUndefined();
  expect(first.value('sluice_oldest_waiter_timestamp_seconds{semaphore="idle"}')).toBeUndefined();
});

test("a scrape asks the store once, and a semaphore that is gone leaves the scrape", async () => {
  const inner = new StubStore();
  inner.onList = vi.fn(async () => ({ semaphores: [status] }));
  over(inner);
  await scrape(registry);
  expect(inner.onList).toHaveBeenCalledTimes(1);
  inner.onList = async () => ({ semaphores: [] });
  expect((await scrape(registry)).value('sluice_limit{semaphore="openai"}')).toBeUndefined();
});

test("beyond the configured number semaphores share one label", async () => {
  const store = over(memoryStore(), 2);
  for (const name of ["a", "b", "c", "d"])
    await new Semaphore(store, name, { limit: 5 }).acquire({ permits: 2 });
  const { value, semaphores } = await scrape(registry);
  expect(semaphores).toEqual(new Set(["a", "b", "other"]));
  expect(value('sluice_acquires_total{semaphore="a",outcome="granted"}')).toBe(1);
  expect(value('sluice_acquires_total{semaphore="other",outcome="granted"}')).toBe(2);
  expect(value('sluice_limit{semaphore="other"}')).toBe(10);
  expect(value('sluice_permits_in_use{semaphore="other"}')).toBe(4);
});

test("of semaphores that share a label the oldest lease and waiter show", async () => {
  const inner = new StubStore();
  inner.onList = async () => ({
    semaphores: [60_000, 90_000, 30_000].map((ageMs, index) => ({
      ...status,
      semaphore: `s${index}`,
      oldestLeaseMs: ageMs,
      oldestWaiterMs: ageMs,
    })),
  });
  over(inner, 0);
  const { value } = await scrape(registry);
  for (const what of ["lease", "waiter"]) {
    const since = value(`sluice_oldest_${what}_timestamp_seconds{semaphore="other"}`) ?? 0;
    expect(Math.round(Date.now() / 1_000 - since)).toBe(90);
  }
});

test("while the store is away a scrape says so, and leaves out what it cannot know", async () => {
  const inner = new StubStore();
  const list = async () => ({ semaphores: [status] });
  inner.onList = list;
  const store = over(inner);
  await store.acquire(request);
  await scrape(registry);
  inner.onList = away;
  const down = await scrape(registry);
  expect(down.value("sluice_store_up")).toBe(0);
  expect(down.value('sluice_limit{semaphore="openai"}')).toBeUndefined();
  expect(down.value('sluice_store_grants_total{semaphore="openai"}')).toBeUndefined();
  expect(down.value('sluice_acquires_total{semaphore="openai",outcome="granted"}')).toBe(1);
  inner.onList = list;
  const up = await scrape(registry);
  expect(up.value("sluice_store_up")).toBe(1);
  expect(up.value('sluice_limit{semaphore="openai"}')).toBe(10);
});

test("a scrape waits 2 s for a store that hangs, and asks it once however many scrapes come", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const inner = new StubStore();
  const answer = deferred<{ semaphores: SemaphoreStatus[] }>();
  inner.onList = vi.fn(() => answer.promise);
  over(inner);
  for (let count = 0; count < 3; count += 1) {
    const scraped = scrape(registry);
    await vi.advanceTimersByTimeAsync(2_000);
    expect((await scraped).value("sluice_store_up")).toBe(0);
  }
  expect(inner.onList).toHaveBeenCalledTimes(1);
  answer.resolve({ semaphores: [status] });
  await vi.advanceTimersByTimeAsync(0);
  const scraped = await scrape(registry);
  expect(scraped.value("sluice_store_up")).toBe(1);
  expect(inner.onList).toHaveBeenCalledTimes(2);
  expect(vi.getTimerCount()).toBe(0);
});

test("a recovery is counted once, whether a scrape or an acquire meets it", async () => {
  const inner = new StubStore();
  inner.onAcquire = async () => ({ outcome: "recovering", retryAfterMs: 100 });
  const store = over(inner);
  const recoveries = async () =>
    (await scrape(registry)).value('sluice_recoveries_total{semaphore="openai"}');
  await store.acquire(request);
  await store.acquire(request);
  expect(await recoveries()).toBe(1);
  inner.onList = async () => ({ semaphores: [{ ...status, recovering: true }] });
  expect((await scrape(registry)).value('sluice_recovery_active{semaphore="openai"}')).toBe(1);
  expect(await recoveries()).toBe(1);
  inner.onList = async () => ({ semaphores: [status] });
  expect(await recoveries()).toBe(1);
  inner.onList = async () => ({ semaphores: [{ ...status, recovering: true }] });
  await scrape(registry);
  expect(await recoveries()).toBe(2);
});
