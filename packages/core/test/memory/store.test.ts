import { afterEach, describe, expect, it, vi } from "vitest";
import { InvalidArgumentError } from "../../src/errors.js";
import type { LossReason } from "../../src/store.js";
import { memoryStore } from "../../src/stores/memory/index.js";
import { definition } from "./operations.js";
import { hold, request } from "./requests.js";

const MINUTE_MS = 60_000;

describe("memoryStore", () => {
  it("accepts leases of up to 15 s unless it is told otherwise", () => {
    expect(memoryStore().maxLeaseMs).toBe(15_000);
    expect(memoryStore({ maxLeaseMs: 1 }).maxLeaseMs).toBe(1);
  });

  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "9"])(
    "refuses a maxLeaseMs of %s",
    (maxLeaseMs) => {
      expect(() => memoryStore({ maxLeaseMs: maxLeaseMs as number })).toThrow(InvalidArgumentError);
    },
  );

  it("serves 20,000 waiters of two priorities, each of them once", async () => {
    const store = memoryStore();
    await store.define("api", definition(10, { leaseMs: 15_000, maxWaiters: 100_000 }));
    let served = 0;
    const work = async (index: number) => {
      const { lease } = await hold(store, `${index}`, { priority: index % 2 });
      served += 1;
      expect(await store.release({ semaphore: "api", lease })).toBe(true);
    };
    await Promise.all(Array.from({ length: 20_000 }, (_, index) => work(index)));
    expect(served).toBe(20_000);
    expect(await store.inspect("api")).toMatchObject({ inUse: 0, waiting: 0, grantsTotal: 20_000 });
    await store.close();
  }, 60_000);

  it("never gives out a fence twice, or a lower one, also where all happens in one millisecond", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    const store = memoryStore();
    const fences: number[] = [];
    for (let life = 0; life < 3; life += 1) {
      await store.define("api", definition(9));
      for (const name of ["a", "b"]) fences.push((await hold(store, name)).fence);
      for (const lease of ["a", "b"]) await store.release({ semaphore: "api", lease });
      await store.remove("api");
    }
    await store.close();
    vi.useRealTimers();
    expect(new Set(fences).size).toBe(6);
    expect(fences).toEqual([...fences].sort((one, other) => one - other));
  });
});

describe("time in the memory store", () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  const stopClock = () => vi.useFakeTimers({ toFake: ["performance", "setTimeout", "clearTimeout"] });

  it("tells the holder of a lapsed lease by itself, at the moment until which it was to be believed", async () => {
    stopClock();
    const store = memoryStore();
    const lost: [LossReason, number][] = [];
    const onLost = (reason: LossReason) => lost.push([reason, performance.now()]);
    const { validUntil } = await hold(store, "a", { leaseMs: 500, onLost });
    await vi.advanceTimersByTimeAsync(499);
    expect(lost).toEqual([]);
    await vi.advanceTimersByTimeAsync(2);
    expect(lost).toEqual([["lapsed", expect.any(Number)]]);
    expect(lost[0]?.[1]).toBeGreaterThanOrEqual(validUntil);
    await store.close();
  });

  it("waits on for a lease that was renewed, and for the earliest of many", async () => {
    stopClock();
    const store = memoryStore();
    const lost: string[] = [];
    await store.define("api", definition(3));
    for (const [lease, leaseMs] of [
      ["a", 500],
      ["b", 900],
      ["c", 200],
    ] as const) {
      await hold(store, lease, { leaseMs, onLost: () => lost.push(lease) });
    }
    await vi.advanceTimersByTimeAsync(100);
    await store.renew("api", [{ lease: "a", leaseMs: 600 }]);
    await vi.advanceTimersByTimeAsync(101);
    expect(lost).toEqual(["c"]);
    await vi.advanceTimersByTimeAsync(498);
    expect(lost).toEqual(["c"]);
    await vi.advanceTimersByTimeAsync(2);
    expect(lost).toEqual(["c", "a"]);
    await vi.advanceTimersByTimeAsync(200);
    expect(lost).toEqual(["c", "a", "b"]);
    await store.close();
  });

  it("lets a wait be longer than a timer can count", async () => {
    stopClock();
    const store = memoryStore();
    await store.define("api", definition(0));
    const monthMs = 30 * 24 * 60 * MINUTE_MS;
    let outcome: string | undefined;
    const waiting = store.acquire(request("a", { waitMs: monthMs })).then((result) => {
      outcome = result.outcome;
    });
    await vi.advanceTimersByTimeAsync(monthMs - 1);
    expect(outcome).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    await waiting;
    expect(outcome).toBe("timeout");
    await store.close();
  });

  it("forgets a semaphore made in passing ten minutes after its last use, and looking is none", async () => {
    stopClock();
    const store = memoryStore();
    await store.define("permanent", definition(1));
    await hold(store, "a");
    await store.release({ semaphore: "api", lease: "a" });
    await vi.advanceTimersByTimeAsync(10 * MINUTE_MS - 1);
    expect(await store.inspect("api")).toMatchObject({ limit: 1, grantsTotal: 1 });
    expect((await store.list()).semaphores).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(1);
    expect(await store.inspect("api")).toBeUndefined();
    expect((await store.list()).semaphores).toMatchObject([{ semaphore: "permanent" }]);
    await store.close();
  });

  it("cleans away what nobody looks at, and has no timer left then", async () => {
    stopClock();
    const store = memoryStore();
    await hold(store, "a");
    await vi.advanceTimersByTimeAsync(9 * MINUTE_MS);
    expect(vi.getTimerCount()).toBe(1);
    await vi.advanceTimersByTimeAsync(2 * MINUTE_MS);
    expect(vi.getTimerCount()).toBe(0);
    await store.close();
  });

  it("has no timer left once it is closed", async () => {
    stopClock();
    const store = memoryStore();
    await hold(store, "a");
    const waiter = store.acquire(request("b", { waitMs: 5_000 }));
    const refusal = expect(waiter).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    expect(vi.getTimerCount()).toBeGreaterThan(0);
    await store.close();
    await refusal;
    expect(vi.getTimerCount()).toBe(0);
  });

  it("needs no timer for a wait that has ended", async () => {
    stopClock();
    const store = memoryStore();
    await hold(store, "a");
    const before = vi.getTimerCount();
    const granted = store.acquire(request("b", { waitMs: 5_000 }));
    const controller = new AbortController();
    const aborted = store.acquire(request("c", { waitMs: 5_000 }), controller.signal);
    expect(vi.getTimerCount()).toBe(before + 2);
    controller.abort();
    await store.release({ semaphore: "api", lease: "a" });
    expect(await aborted).toEqual({ outcome: "aborted" });
    expect(await granted).toMatchObject({ outcome: "granted" });
    expect(vi.getTimerCount()).toBe(before);
    await store.close();
  });
});

describe("one signal for many waits in the memory store", () => {
  it("aborts all of them, also those that the first one to leave makes room for", async () => {
    const store = memoryStore();
    await store.define("api", definition(2));
    await hold(store, "a");
    const controller = new AbortController();
    const large = store.acquire(request("large", { permits: 2 }), controller.signal);
    const small = store.acquire(request("small"), controller.signal);
    controller.abort();
    expect(await Promise.all([large, small])).toEqual([{ outcome: "aborted" }, { outcome: "aborted" }]);
    expect(await store.inspect("api")).toMatchObject({ inUse: 1, waiting: 0 });
    await store.close();
  });
});

describe("several attempts at one lease in the memory store", () => {
  it("all receive the grant, and all are told when it is lost", async () => {
    const store = memoryStore();
    await hold(store, "a");
    const told: string[] = [];
    const earlier = store.acquire(request("b", { onLost: (reason) => told.push(`earlier ${reason}`) }));
    const later = store.acquire(
      request("b", { attempt: "2", onLost: (reason) => told.push(`later ${reason}`) }),
    );
    await store.release({ semaphore: "api", lease: "a" });
    const grant = await later;
    expect(grant).toMatchObject({ outcome: "granted", lease: "b" });
    expect(await earlier).toEqual(grant);
    await store.revoke("api", "b");
    expect(told).toEqual(["earlier revoked", "later revoked"]);
    await store.close();
  });

  it("are asked for again together when the semaphore is removed under them", async () => {
    const store = memoryStore();
    await store.define("api", definition(0));
    const earlier = store.acquire(request("a", { create: definition(4) }));
    const later = store.acquire(request("a", { attempt: "2", create: definition(5) }));
    await store.remove("api");
    expect(await later).toMatchObject({ outcome: "granted", limit: 5 });
    expect(await earlier).toEqual(await later);
    expect(await store.release({ semaphore: "api", lease: "a", attempt: "2" })).toBe(true);
    await store.close();
  });
});

describe("a listener of the memory store", () => {
  it("may call the store, and keeps no other from being told", async () => {
    const store = memoryStore();
    await store.define("api", definition(2));
    const told: string[] = [];
    await hold(store, "a", {
      onLost: () => {
        told.push("a");
        void store.release({ semaphore: "api", lease: "a" });
      },
    });
    await hold(store, "b", { onLost: () => told.push("b") });
    const waiter = store.acquire(request("c"));
    await Promise.all([store.revoke("api", "a"), store.revoke("api", "b")]);
    expect(await waiter).toMatchObject({ outcome: "granted" });
    expect(told).toEqual(["a", "b"]);
    await store.close();
  });
});
