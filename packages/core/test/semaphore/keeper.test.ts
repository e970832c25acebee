import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { StoreUnavailableError } from "../../src/errors.js";
import type { Lease } from "../../src/lease/lease.js";
import { Semaphore } from "../../src/semaphore.js";
import type { RenewResult } from "../../src/store.js";
import { deferred, grantOf, renewed, StubStore } from "./stub-store.js";

let store: StubStore;
let semaphore: Semaphore;

beforeEach(() => {
  vi.useFakeTimers({
    toFake: ["setTimeout", "clearTimeout", "setImmediate", "clearImmediate", "performance"],
  });
  store = new StubStore();
  semaphore = new Semaphore(store, "openai", { limit: 100_000 });
});
afterEach(() => {
  vi.useRealTimers();
});

const pass = (durationMs: number) => vi.advanceTimersByTimeAsync(durationMs);
const away = () => Promise.reject(new StoreUnavailableError("no connection"));

/** A lease whose signal is watched. */
async function acquire(leaseMs?: number): Promise<Lease> {
  const lease = await semaphore.acquire({ leaseMs });
  expect(lease.signal.aborted).toBe(false);
  return lease;
}

test("a lease is renewed at about a third of its time, again and again", async () => {
  const lease = await acquire(9_000);
  await pass(2_990);
  expect(store.renewals).toHaveLength(0);
  await pass(20);
  expect(store.renewals).toEqual([[lease.id]]);
  expect(lease.remainingMs).toBeGreaterThan(8_900);
  await pass(90_000);
  expect(store.renewals.length).toBeGreaterThanOrEqual(29);
  expect(store.renewals.length).toBeLessThanOrEqual(31);
  expect(lease.signal.aborted).toBe(false);
});

test("a lease that is released before a third of its time is never renewed", async () => {
  for (let count = 0; count < 100; count += 1) {
    const lease = await acquire(3_000);
    await pass(900);
    await lease.release();
  }
  await pass(10_000);
  expect(store.renewals).toEqual([]);
});

test("a lease that is lost by this process's own clock is given back: its store may hold it still", async () => {
  store.onRenew = away;
  const lease = await acquire(1_000);
  await pass(1_000);
  expect(lease.signal.aborted).toBe(true);
  expect(store.releases).toEqual([{ semaphore: "openai", lease: lease.id }]);
});

test("a lease that its store says is lost is not given back", async () => {
  store.onRenew = async (renewals) =>
    renewals.map(({ lease }) => ({ lease, renewed: false, reason: "lapsed" as const }));
  const lease = await acquire(1_000);
  await pass(2_000);
  expect(lease.signal.aborted).toBe(true);
  expect(store.releases).toEqual([]);
});

test("leases that come due within a sixth of their time are renewed in one call, and others in their own", async () => {
  const first = await acquire(6_000);
  await pass(900);
  const second = await acquire(6_000);
  await pass(300);
  const later = await acquire(6_000);
  await pass(810);
  expect(store.renewals).toEqual([[first.id, second.id]]);
  await pass(1_200);
  expect(store.renewals.slice(1)).toEqual([[first.id, second.id, later.id]]);
});

test("a round that finds nothing due renews nothing before its time", async () => {
  const short = await acquire(6_000);
  await pass(900);
  await acquire(6_000);
  await short.release();
  await pass(1_110);
  expect(store.renewals).toEqual([]);
  await pass(900);
  expect(store.renewals).toHaveLength(1);
});

test("leases of different length are each renewed in their own time", async () => {
  const long = await acquire(12_000);
  const short = await acquire(300);
  await pass(1_950);
  expect(store.renewals.length).toBeGreaterThanOrEqual(18);
  expect(store.renewals.every((ids) => ids.length === 1 && ids[0] === short.id)).toBe(true);
  await pass(10_000);
  const renewalsOfTheLong = store.renewals.flat().filter((id) => id === long.id);
  expect(renewalsOfTheLong.length).toBeGreaterThanOrEqual(2);
  expect(renewalsOfTheLong.length).toBeLessThanOrEqual(6);
  expect([long, short].map(({ signal }) => signal.aborted)).toEqual([false, false]);
});

test("a grant that arrives late is renewed in time, although younger leases came first", async () => {
  await acquire(9_000);
  store.onAcquire = async (request) => ({ ...grantOf(request), validUntil: performance.now() + 700 });
  const late = await acquire(9_000);
  await pass(10);
  expect(store.renewals).toEqual([[late.id]]);
  await pass(9_000);
  expect(late.signal.aborted).toBe(false);
});

test("ten thousand leases have one timer and one call", async () => {
  const leases = await Promise.all(Array.from({ length: 10_000 }, () => semaphore.acquire()));
  expect(vi.getTimerCount()).toBe(1);
  await pass(3_400);
  expect(store.renewals).toHaveLength(1);
  expect(store.renewals[0]).toHaveLength(10_000);
  expect(vi.getTimerCount()).toBe(1);
  await Promise.all(leases.map((lease) => lease.release()));
  await pass(10_000);
  expect(vi.getTimerCount()).toBe(0);
  expect(store.renewals).toHaveLength(1);
});

test("a failed renewal is tried again soon, and the lease lives when one succeeds in time", async () => {
  const answer = store.onRenew;
  store.onRenew = away;
  const lease = await acquire(3_000);
  await pass(1_010);
  expect(store.renewals).toHaveLength(1);
  await pass(310);
  expect(store.renewals).toHaveLength(2);
  await pass(1_300);
  store.onRenew = answer;
  await pass(3_000);
  expect(lease.signal.aborted).toBe(false);
  expect(lease.remainingMs).toBeGreaterThan(1_900);
});

test("while the store is away the lease runs out honestly, and its end is told in time", async () => {
  store.onRenew = away;
  const lease = await acquire(3_000);
  await pass(2_900);
  expect(lease.remainingMs).toBeLessThanOrEqual(100);
  expect(lease.signal.aborted).toBe(false);
  let remainingAtAbort = Number.NaN;
  const validUntil = performance.now() + lease.remainingMs;
  lease.signal.addEventListener("abort", () => {
    remainingAtAbort = validUntil - performance.now();
  });
  await pass(100);
  expect(lease.signal.reason).toMatchObject({ code: "LEASE_LOST", reason: "lapsed" });
  expect(remainingAtAbort).toBeGreaterThanOrEqual(0);
  expect(lease.remainingMs).toBeLessThanOrEqual(0);
});

test("a failing store is not asked faster than a retry every tenth of the lease", async () => {
  store.onRenew = away;
  await Promise.all(Array.from({ length: 50 }, () => semaphore.acquire({ leaseMs: 3_000 })));
  await pass(10_000);
  expect(store.renewals.length).toBeGreaterThanOrEqual(6);
  expect(store.renewals.length).toBeLessThanOrEqual(8);
});

test("a store that throws instead of answering, or answers too little, counts as away", async () => {
  const lease = await acquire(3_000);
  store.onRenew = () => {
    throw new TypeError("broken store");
  };
  await pass(1_200);
  store.onRenew = async () => [];
  await pass(2_000);
  expect(store.renewals.length).toBeGreaterThan(3);
  expect(lease.signal.reason).toMatchObject({ reason: "lapsed" });
});

test("a renewal under way is not sent twice, and the lease runs out while it hangs", async () => {
  const answer = deferred<RenewResult[]>();
  store.onRenew = () => answer.promise;
  const lease = await acquire(3_000);
  await acquire(2_900);
  await pass(2_950);
  expect(store.renewals.flat().filter((id) => id === lease.id)).toHaveLength(1);
  expect(lease.signal.aborted).toBe(false);
  await pass(50);
  expect(lease.signal.aborted).toBe(true);
});

test("an answer that comes after the loss does not bring the lease back", async () => {
  const answer = deferred<RenewResult[]>();
  store.onRenew = () => answer.promise;
  const lease = await acquire(3_000);
  await pass(3_000);
  expect(lease.signal.aborted).toBe(true);
  answer.resolve([renewed(lease.id, 3_000)]);
  await pass(10);
  expect(lease.remainingMs).toBeLessThanOrEqual(0);
  await pass(10_000);
  expect(store.renewals).toHaveLength(1);
});

test("a lease whose signal nobody reads is lost all the same, and stays lost", async () => {
  const answer = deferred<RenewResult[]>();
  store.onRenew = () => answer.promise;
  const lease = await semaphore.acquire({ leaseMs: 3_000 });
  await pass(3_000);
  answer.resolve([renewed(lease.id, 3_000)]);
  await pass(10);
  expect(lease.remainingMs).toBeLessThanOrEqual(0);
  expect(lease.signal.aborted).toBe(true);
});

test("a release while a renewal is under way wins", async () => {
  const answer = deferred<RenewResult[]>();
  store.onRenew = () => answer.promise;
  const lease = await acquire(3_000);
  await pass(1_100);
  await lease.release();
  answer.resolve([{ lease: lease.id, renewed: false, reason: "lapsed" }]);
  await pass(10_000);
  expect(lease.signal.aborted).toBe(false);
  expect(store.renewals).toHaveLength(1);
});

test.each(["lapsed", "revoked"] as const)(
  "a renewal that is refused as %s ends the lease",
  async (reason) => {
    const [lost, kept] = [await acquire(3_000), await acquire(3_000)];
    store.onRenew = async () => [{ lease: lost.id, renewed: false, reason }, renewed(kept.id, 3_000)];
    await pass(1_100);
    expect(lost.signal.reason).toMatchObject({ code: "LEASE_LOST", lease: lost.id, reason });
    expect(kept.signal.aborted).toBe(false);
    store.onRenew = async (renewals) => renewals.map(({ lease }) => renewed(lease, 3_000));
    await pass(3_000);
    expect(store.renewals.slice(1).flat()).not.toContain(lost.id);
  },
);

test("a store that confirms for less than a retry is not asked in a tight loop", async () => {
  store.onRenew = async (renewals) => renewals.map(({ lease }) => renewed(lease, 500));
  await acquire(3_000);
  await pass(4_000);
  expect(store.renewals.length).toBeLessThanOrEqual(11);
});

test("a listener that acquires or releases when it learns of a loss disturbs nobody", async () => {
  store.onRenew = away;
  const leases = [await acquire(3_000), await acquire(3_000), await acquire(3_000)];
  leases[0]?.signal.addEventListener("abort", () => {
    void leases[1]?.release();
    void semaphore.acquire({ leaseMs: 3_000 });
  });
  await pass(3_000);
  expect(leases.map(({ signal }) => signal.aborted)).toEqual([true, false, true]);
  const renewalsOfTheLost = store.renewals.length;
  store.onRenew = async (renewals) => renewals.map(({ lease }) => renewed(lease, 3_000));
  await pass(1_100);
  expect(store.renewals.slice(renewalsOfTheLost)).toEqual([[store.acquires[3]?.lease]]);
});
