import { Registry } from "prom-client";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { StoreIncompatibleError, StoreUnavailableError } from "../../src/errors.js";
import { type MeteredStore, meteredStore } from "../../src/prometheus/index.js";
import { Semaphore } from "../../src/semaphore.js";
import type { SemaphoreStatus, Store } from "../../src/store.js";
import { memoryStore } from "../../src/stores/memory/index.js";
import { deferred, grantOf, StubStore } from "../semaphore/stub-store.js";
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

test("a scrape lets other work have its turn between any two metrics of semaphores", async () => {
  over(memoryStore());
  let [turns, isOver] = [0, false];
  const count = () => {
    turns += 1;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  await scrape(registry);
  isOver = true;
  // Nine come from the store, eight from this process.
  expect(turns).toBeGreaterThanOrEqual(17);
});

test("any number of semaphores shares a label", async () => {
  const inner = new StubStore();
  const pages = 200;
  inner.onList = async (cursor = "0") => {
    const page = Number(cursor);
    const semaphores = Array.from({ length: 1_000 }, (_, index) => ({
      ...status,
      semaphore: `s${page}.${index}`,
    }));
    return page + 1 < pages ? { semaphores, cursor: String(page + 1) } : { semaphores };
  };
  over(inner, 1);
  expect((await scrape(registry)).value('sluice_permits_in_use{semaphore="other"}')).toBe(4 * 199_999);
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
  const before = Date.now() / 1_000;
  const { value } = await scrape(registry);
  const after = Date.now() / 1_000;
  for (const what of ["lease", "waiter"]) {
    const since = value(`sluice_oldest_${what}_timestamp_seconds{semaphore="other"}`);
    expect(since).toBeGreaterThanOrEqual(before - 90);
    expect(since).toBeLessThanOrEqual(after - 90);
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
  inner.ping = away;
  const down = await scrape(registry);
  expect(down.value("sluice_store_up")).toBe(0);
  expect(down.value('sluice_limit{semaphore="openai"}')).toBeUndefined();
  expect(down.value('sluice_store_grants_total{semaphore="openai"}')).toBeUndefined();
  expect(down.value('sluice_acquires_total{semaphore="openai",outcome="granted"}')).toBe(1);
  inner.onList = list;
  inner.ping = async () => {};
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

const called = (semaphore: string, more: Partial<SemaphoreStatus> = {}): SemaphoreStatus => ({
  ...status,
  semaphore,
  ...more,
});

test("a semaphore that a scrape meets has all of its counters from then on, so that its first event is an increase", async () => {
  const inner = new StubStore();
  inner.onList = async () => ({ semaphores: [called("idle")] });
  over(inner);
  const { value } = await scrape(registry);
  for (const series of [
    ...["granted", "timeout", "aborted", "queue_full", "error"].map(
      (outcome) => `sluice_acquires_total{semaphore="idle",outcome="${outcome}"}`,
    ),
    ...["explicit", "disconnect"].map(
      (reason) => `sluice_releases_total{semaphore="idle",reason="${reason}"}`,
    ),
    ...["renewed", "lapsed", "revoked", "error"].map(
      (outcome) => `sluice_renewals_total{semaphore="idle",outcome="${outcome}"}`,
    ),
    ...["leases_lost_total", "limit_conflicts_total", "recoveries_total"].map(
      (name) => `sluice_${name}{semaphore="idle"}`,
    ),
  ]) {
    expect(value(series), series).toBe(0);
  }
});

test("the histograms of a semaphore begin empty, when it is used for the first time", async () => {
  const inner = new StubStore();
  const answer = deferred<void>();
  inner.onAcquire = (asked) => answer.promise.then(() => grantOf(asked));
  inner.onList = async () => ({ semaphores: [called("api"), called("idle")] });
  const store = over(inner, 1);
  const acquired = Promise.all(
    ["api", "beyond"].map((semaphore) => store.acquire({ ...request, semaphore })),
  );
  const before = await scrape(registry);
  answer.resolve();
  await acquired;
  const after = await scrape(registry);
  for (const label of ["api", "other"]) {
    const series = `sluice_acquire_wait_seconds_bucket{le="600",semaphore="${label}"}`;
    expect([before.value(series), after.value(series)], label).toEqual([0, 1]);
  }
  expect(before.value('sluice_lease_duration_seconds_count{semaphore="api"}')).toBe(0);
});

test("semaphores that are gone and were not used since the scrape before leave no series behind", async () => {
  const inner = new StubStore();
  inner.onList = async () => ({ semaphores: [called("passing"), called("staying")] });
  const store = over(inner, 2);
  await store.acquire({ ...request, semaphore: "passing" });
  await store.acquire({ ...request, semaphore: "staying" });
  expect((await scrape(registry)).semaphores).toEqual(new Set(["passing", "staying"]));
  inner.onList = async () => ({ semaphores: [called("staying")] });
  await store.release({ ...request, semaphore: "passing" });
  const last = await scrape(registry);
  expect(last.value('sluice_releases_total{semaphore="passing",reason="explicit"}')).toBe(1);
  expect((await scrape(registry)).semaphores).toEqual(new Set(["staying"]));
  inner.onList = async () => ({ semaphores: [called("staying"), called("young")] });
  await store.acquire({ ...request, semaphore: "young" });
  const { value } = await scrape(registry);
  expect(value('sluice_acquires_total{semaphore="young",outcome="granted"}')).toBe(1);
  expect(value('sluice_acquires_total{semaphore="staying",outcome="granted"}')).toBe(1);
});

test("series stay while the store is away", async () => {
  const inner = new StubStore();
  inner.onList = async () => ({ semaphores: [called("api")] });
  const store = over(inner);
  await store.acquire({ ...request, semaphore: "api" });
  await scrape(registry);
  inner.onList = away;
  inner.ping = away;
  for (let count = 0; count < 3; count += 1) {
    const { value } = await scrape(registry);
    expect(value('sluice_acquires_total{semaphore="api",outcome="granted"}')).toBe(1);
  }
});

test("what a process uses gets a label before what it sees only", async () => {
  const inner = new StubStore();
  inner.onList = async () => ({ semaphores: [called("a"), called("b"), called("z")] });
  const store = over(inner, 2);
  await scrape(registry);
  await store.acquire({ ...request, semaphore: "z" });
  await store.acquire({ ...request, semaphore: "b" });
  await store.acquire({ ...request, semaphore: "a" });
  const { value } = await scrape(registry);
  for (const [label, granted] of [
    ["z", 1],
    ["b", 1],
    ["a", undefined],
    ["other", 1],
  ] as const)
    expect(value(`sluice_acquires_total{semaphore="${label}",outcome="granted"}`), label).toBe(granted);
});

test("a recovery that a process sees is no use of the semaphores", async () => {
  const inner = new StubStore();
  const seen = ["a", "b", "c"].map((semaphore) => ({ ...status, semaphore, recovering: true }));
  inner.onList = async () => ({ semaphores: seen });
  const store = over(inner, 2);
  const { value } = await scrape(registry);
  expect(value('sluice_recoveries_total{semaphore="a"}')).toBe(1);
  expect(value('sluice_recoveries_total{semaphore="other"}')).toBe(1);
  expect(value('sluice_acquire_wait_seconds_count{semaphore="a"}')).toBeUndefined();
  await store.acquire({ ...request, semaphore: "c" });
  const used = await scrape(registry);
  expect(used.value('sluice_acquires_total{semaphore="c",outcome="granted"}')).toBe(1);
});

test("a semaphore that is called other takes no label from another", async () => {
  const inner = new StubStore();
  inner.onList = async () => ({ semaphores: [{ ...status, semaphore: "a", recovering: true }] });
  const store = over(inner, 1);
  await scrape(registry);
  await store.acquire({ ...request, semaphore: "other" });
  const { value } = await scrape(registry);
  expect(value('sluice_recoveries_total{semaphore="a"}')).toBe(1);
  expect(value('sluice_acquires_total{semaphore="other",outcome="granted"}')).toBe(1);
});

test("a semaphore that is called other has no label of its own", async () => {
  const inner = new StubStore();
  inner.onList = async () => ({ semaphores: [called("other", { limit: 3 })] });
  const store = over(inner);
  await store.acquire({ ...request, semaphore: "other" });
  for (let count = 0; count < 3; count += 1) {
    const { value } = await scrape(registry);
    expect(value('sluice_limit{semaphore="other"}')).toBe(3);
    expect(value('sluice_acquires_total{semaphore="other",outcome="granted"}')).toBe(1);
    expect(value('sluice_acquire_wait_seconds_count{semaphore="other"}')).toBe(1);
  }
});

test("every process shows the same of a store, whatever it has used itself: what is defined to stay first", async () => {
  const inner = new StubStore();
  const shown = async (used: string) => {
    const own = new Registry();
    const store = meteredStore(inner, { registry: own, maxSemaphores: 2 });
    await store.acquire({ ...request, semaphore: used });
    const text = await own.metrics();
    return text
      .split("\n")
      .filter((line) =>
        /^sluice_(limit|permits_in_use|waiters|store_\w+_total|recovery_active)\{/.test(line),
      );
  };
  inner.onList = async () => ({
    semaphores: [called("a"), called("b"), called("defined", { version: 3, limit: 7 })],
  });
  const first = await shown("b");
  expect(first).toContain('sluice_limit{semaphore="defined"} 7');
  expect(first).toContain('sluice_limit{semaphore="a"} 10');
  expect(first).toContain('sluice_limit{semaphore="other"} 10');
  expect(await shown("a")).toEqual(first);
});

test("what semaphores that share a label have counted never falls, whichever of them come, go and share it", async () => {
  const inner = new StubStore();
  let semaphores: SemaphoreStatus[] = [];
  inner.onList = async () => ({ semaphores });
  over(inner, 1);
  const counted = async (now: SemaphoreStatus[]) => {
    semaphores = now;
    const { value } = await scrape(registry);
    return ["grants", "lapses", "revocations"].map((what) =>
      value(`sluice_store_${what}_total{semaphore="other"}`),
    );
  };
  const of = (semaphore: string, total: number) =>
    called(semaphore, { grantsTotal: total, lapsesTotal: total, revocationsTotal: total });
  expect(await counted([of("a", 5), of("m", 1_000), of("n", 50)])).toEqual([0, 0, 0]);
  expect(await counted([of("a", 6), of("m", 1_001), of("n", 52)])).toEqual([3, 3, 3]);
  // One is gone.
  expect(await counted([of("a", 7), of("n", 53)])).toEqual([4, 4, 4]);
  // One is new, and another was made anew.
  expect(await counted([of("a", 7), of("n", 2), of("z", 10)])).toEqual([16, 16, 16]);
  // One gets a label, for which another has to share.
  expect(await counted([of("a", 8), of("Z", 1), of("n", 2), of("z", 10)])).toEqual([17, 17, 17]);
});

test("a store that does not show its semaphores to this caller is up all the same", async () => {
  const inner = new StubStore();
  inner.onList = away;
  const store = over(inner);
  await store.acquire(request);
  const { value } = await scrape(registry);
  expect(value("sluice_store_up")).toBe(1);
  expect(value('sluice_limit{semaphore="openai"}')).toBeUndefined();
  expect(value('sluice_acquires_total{semaphore="openai",outcome="granted"}')).toBe(1);
});

test("a store that cannot be read is not up", async () => {
  const inner = new StubStore();
  inner.onList = () => Promise.reject(new StoreIncompatibleError("of a newer Sluice"));
  over(inner);
  expect((await scrape(registry)).value("sluice_store_up")).toBe(0);
});

test("a recovery that is over before the next scrape is counted, in every semaphore", async () => {
  const inner = new StubStore();
  inner.onList = async () => ({ semaphores: [called("a"), called("b")] });
  over(inner);
  await scrape(registry);
  inner.onList = async () => ({
    semaphores: [called("a", { recovering: true }), called("b", { recovering: true })],
  });
  for (const observer of inner.observers) observer.recovery?.({ active: true, untilMs: 5_000 });
  inner.onList = async () => ({ semaphores: [called("a"), called("b")] });
  await scrape(registry);
  const { value } = await scrape(registry);
  for (const name of ["a", "b"]) {
    expect(value(`sluice_recoveries_total{semaphore="${name}"}`)).toBe(1);
    expect(value(`sluice_recovery_active{semaphore="${name}"}`)).toBe(0);
  }
});
