import { mkdirSync, readdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "@sluice/testkit";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Restore, Store } from "../../src/store.js";
import { openMemoryStore } from "../../src/stores/memory/index.js";
import { definition } from "./operations.js";
import { hold, request } from "./requests.js";
import { fileOf, leave, open, remembered, temporaryDirectory } from "./state-directories.js";

const api = { semaphore: "api", limit: 3, leaseMs: 1_000, maxWaiters: 100, version: 4 };

afterEach(() => {
  vi.useRealTimers();
});

/** The fence of a lease that is over again. */
async function holdOnce(store: Store, name: string): Promise<number> {
  const { lease, fence } = await hold(store, name);
  await store.release({ semaphore: "api", lease });
  return fence;
}

async function restart(store: Store, directory: string): Promise<Store> {
  await store.close();
  return open(directory);
}

describe("openMemoryStore", () => {
  it("makes the directory, and starts from nothing without a pause", async () => {
    const directory = join(temporaryDirectory(), "made", "here");
    const store = await open(directory, { maxLeaseMs: 60_000 });
    expect(store.maxLeaseMs).toBe(60_000);
    expect(await store.list()).toEqual({ semaphores: [] });
    await hold(store, "a");
    expect(remembered(directory)).toMatchObject({ clean: false, longestLeaseMs: 1_000 });
  });

  it("keeps definitions and their versions, without those that were removed or made in passing", async () => {
    const directory = temporaryDirectory();
    const store = await open(directory);
    await store.define("api", definition(2));
    await store.resize("api", 3);
    await store.define("removed", definition(5));
    await store.remove("removed");
    await store.acquire(request("a", { semaphore: "resized" }));
    await store.resize("resized", 8);
    await store.release({ semaphore: "resized", lease: "a" });
    const { lease } = await hold(store, "b", { semaphore: "in-passing" });
    await store.release({ semaphore: "in-passing", lease });
    const later = await restart(store, directory);
    expect((await later.list()).semaphores).toMatchObject([
      { semaphore: "api", limit: 3, version: 2, leaseMs: 1_000, maxWaiters: 100 },
      { semaphore: "resized", limit: 8, version: 1 },
    ]);
    expect(await later.define("api", definition(3))).toMatchObject({ created: false, version: 2 });
  });

  it("does not pause after a clean end", async () => {
    const directory = temporaryDirectory();
    const store = await open(directory);
    const first = await hold(store, "a");
    await store.release({ semaphore: "api", lease: "a" });
    const later = await restart(store, directory);
    expect((await hold(later, "b", { waitMs: 0 })).fence).toBeGreaterThan(first.fence);
  });

  it("forgets the longest lease in a clean end", async () => {
    const directory = temporaryDirectory();
    leave(directory, { longestLeaseMs: 60_000 });
    await open(directory);
    expect(remembered(directory)).toMatchObject({ clean: false, longestLeaseMs: 0 });
  });

  it("pauses after an end with a lease that was held, and not for one that had lapsed", async () => {
    const directory = temporaryDirectory();
    const store = await open(directory);
    const { validUntil } = await hold(store, "a", { leaseMs: 100 });
    await until(() => performance.now() >= validUntil, { what: "the lease to lapse" });
    const second = await restart(store, directory);
    await hold(second, "b", { waitMs: 0, leaseMs: 15_000 });
    const third = await restart(second, directory);
    expect(await third.acquire(request("c", { waitMs: 0 }))).toMatchObject({ outcome: "recovering" });
  });

  it("takes an end during a recovery for an unclean one", async () => {
    const directory = temporaryDirectory();
    leave(directory, { clean: false, longestLeaseMs: 60_000, semaphores: [api] });
    await (await open(directory)).close();
    expect(remembered(directory)).toMatchObject({ clean: false, longestLeaseMs: 60_000 });
  });

  it("raises the longest lease before it grants, renews or restores a longer one", async () => {
    // The recovery lasts while the disk takes its time, and the restored lease does.
    vi.useFakeTimers({ toFake: ["performance", "setTimeout", "clearTimeout"] });
    const directory = temporaryDirectory();
    const longest = () => remembered(directory).longestLeaseMs;
    leave(directory, { clean: false, longestLeaseMs: 100, semaphores: [api] });
    const store = await open(directory);
    await store.claim("api", [{ lease: "a", attempt: "", restore: lost({ leaseMs: 200 }) }]);
    expect(longest()).toBe(200);
    await store.renew("api", [{ lease: "a", leaseMs: 300 }]);
    expect(longest()).toBe(300);
    const waiter = store.acquire(request("b", { leaseMs: undefined }));
    expect(longest()).toBe(1_000);
    await store.define("api", definition(3, { leaseMs: 2_000 }));
    expect(longest()).toBe(2_000);
    await vi.advanceTimersByTimeAsync(101);
    expect(await waiter).toMatchObject({ outcome: "granted", leaseMs: 2_000 });
    await hold(store, "c", { leaseMs: 3_000 });
    expect(longest()).toBe(3_000);
  });

  it("gives out higher fences than ever also where the wall clock was set back", async () => {
    const directory = temporaryDirectory();
    const store = await open(directory);
    const { fence } = await hold(store, "a");
    await store.release({ semaphore: "api", lease: "a" });
    await store.close();
    vi.useFakeTimers({ toFake: ["Date"], now: new Date("2001-01-01") });
    const later = await open(directory);
    const next = await holdOnce(later, "b");
    expect(next).toBeGreaterThan(fence);
    await later.remove("api");
    expect(await holdOnce(later, "c")).toBeGreaterThan(next);
  });

  it("writes nothing for what gives out no lease", async () => {
    vi.useFakeTimers({ toFake: ["performance", "setTimeout", "clearTimeout"] });
    const directory = temporaryDirectory();
    const store = await open(directory);
    await hold(store, "a", { leaseMs: 100_000 });
    const { fence } = remembered(directory);
    await vi.advanceTimersByTimeAsync(61_000);
    await store.renew("api", [{ lease: "a" }]);
    await store.inspect("api");
    await store.release({ semaphore: "api", lease: "a" });
    expect(remembered(directory).fence).toBe(fence);
    await hold(store, "b");
    expect(remembered(directory).fence).toBeGreaterThan(fence as number);
  });

  it("writes once for very many grants", async () => {
    const directory = temporaryDirectory();
    const store = await open(directory);
    const { fence } = await hold(store, "first");
    const { fence: allowed } = remembered(directory);
    expect(allowed).toBeGreaterThan(fence + 50_000_000);
    for (let i = 0; i < 100; i += 1) {
      await store.release({ semaphore: "api", lease: (await hold(store, `${i}`)).lease });
      if (i === 0) await store.release({ semaphore: "api", lease: "first" });
    }
    expect(remembered(directory).fence).toBe(allowed);
  });
});

describe("a recovery of the memory store", () => {
  it("ends by itself, when those who waited are served, and observers are told", async () => {
    vi.useFakeTimers({ toFake: ["performance", "setTimeout", "clearTimeout"] });
    const directory = temporaryDirectory();
    leave(directory, { clean: false, longestLeaseMs: 5_000, semaphores: [api] });
    const store = await open(directory);
    const told: unknown[] = [];
    store.observe({ recovery: (event) => told.push(event) });
    expect(told).toEqual([{ active: true, untilMs: 5_000, cause: expect.any(String) }]);
    const waiter = store.acquire(request("a"));
    expect(await store.acquire(request("b", { waitMs: 0 }))).toEqual({
      outcome: "recovering",
      retryAfterMs: 5_000,
    });
    const impatient = store.acquire(request("c", { waitMs: 1_000 }));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await impatient).toEqual({ outcome: "recovering", retryAfterMs: 4_000 });
    expect(await store.inspect("api")).toMatchObject({ recovering: true, waiting: 1 });
    await vi.advanceTimersByTimeAsync(4_001);
    expect(await waiter).toMatchObject({ outcome: "granted" });
    expect(told.slice(1)).toEqual([{ active: false }]);
    expect(await store.inspect("api")).toMatchObject({ recovering: false });
  });

  it("is one of every semaphore, also of those that are made during it", async () => {
    const directory = temporaryDirectory();
    leave(directory, { clean: false, longestLeaseMs: 5_000 });
    const store = await open(directory);
    expect(await store.acquire(request("a", { waitMs: 0 }))).toMatchObject({ outcome: "recovering" });
    expect(await store.inspect("api")).toMatchObject({ recovering: true, inUse: 0 });
  });

  it("restores what is claimed, and tells the claimer of its loss", async () => {
    const directory = temporaryDirectory();
    leave(directory, { clean: false, longestLeaseMs: 5_000, semaphores: [api] });
    const store = await open(directory);
    const losses: string[] = [];
    const onLost = (reason: string) => losses.push(reason);
    const restore = lost({ permits: 2 });
    const claims = [
      { lease: "a", attempt: "1", restore, onLost },
      { lease: "b", attempt: "1" },
    ];
    expect(await store.claim("api", claims)).toMatchObject([{ renewed: true }, { renewed: false }]);
    await store.revoke("api", "a");
    expect(losses).toEqual(["revoked"]);
    expect(await store.release({ semaphore: "api", lease: "a", attempt: "1" })).toBe(true);
  });

  it("gives a restored lease to one who waits for it, and tells both of its loss", async () => {
    const directory = temporaryDirectory();
    leave(directory, { clean: false, longestLeaseMs: 5_000, semaphores: [api] });
    const store = await open(directory);
    const told: string[] = [];
    const asked = store.acquire(request("a", { onLost: () => told.push("asked") }));
    const restore = lost();
    await store.claim("api", [{ lease: "a", attempt: "1", restore, onLost: () => told.push("claimed") }]);
    expect(await asked).toMatchObject({ outcome: "granted", fence: restore.fence, again: true });
    await store.revoke("api", "a");
    expect(told).toEqual(["claimed", "asked"]);
  });

  it("leaves no timer when the store is closed", async () => {
    vi.useFakeTimers({ toFake: ["performance", "setTimeout", "clearTimeout"] });
    const directory = temporaryDirectory();
    leave(directory, { clean: false, longestLeaseMs: 5_000, semaphores: [api] });
    const store = await open(directory);
    const refused = expect(store.acquire(request("a"))).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    await store.close();
    await refused;
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("a state directory", () => {
  it("serves one store at a time, and is free again when that is closed", async () => {
    const directory = temporaryDirectory();
    const store = await open(directory);
    await expect(open(directory)).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
      message: expect.stringContaining(directory),
    });
    await store.close();
    await open(directory);
    expect(readdirSync(directory).filter((name) => name.startsWith("lock-"))).toHaveLength(1);
  });

  it("lets at most one of many stores in that open it together", async () => {
    const directory = temporaryDirectory();
    const results = await Promise.allSettled(Array.from({ length: 6 }, () => open(directory)));
    expect(results.filter(({ status }) => status === "fulfilled").length).toBeLessThanOrEqual(1);
  });

  it.each([
    ["not JSON", "{", "a JSON object"],
    ["not an object", "[1", "a JSON object"],
    ["without a format", "{}", "the number 1 as its format"],
    ["with a strange value", JSON.stringify({ format: 1, clean: 1 }), "true or false as clean"],
    ["with a fence that is no number", JSON.stringify({ format: 1, clean: true, fence: "9" }), "fence"],
    [
      "with a strange semaphore",
      JSON.stringify({
        format: 1,
        clean: true,
        fence: 1,
        longestLeaseMs: 1,
        semaphores: [{ ...api, limit: -1 }],
      }),
      "semaphores",
    ],
  ])(
    "is refused with a clear error where its file is %s, and is free afterwards",
    async (_, text, expected) => {
      const directory = temporaryDirectory();
      writeFileSync(fileOf(directory), text);
      const refusal = await open(directory).catch((error) => error);
      expect(refusal).toMatchObject({ code: "STORE_UNAVAILABLE" });
      expect(refusal.message).toContain(fileOf(directory));
      expect(refusal.message).toContain(expected);
      leave(directory);
      await open(directory);
    },
  );

  it("is refused where a newer library has written it", async () => {
    const directory = temporaryDirectory();
    leave(directory, { format: 2 });
    await expect(open(directory)).rejects.toMatchObject({
      code: "STORE_INCOMPATIBLE",
      message: expect.stringContaining(fileOf(directory)),
    });
  });

  it.each([
    ["a file", (path: string) => writeFileSync(path, "")],
    ["one whose file cannot be read", (path: string) => mkdirSync(fileOf(path), { recursive: true })],
    [
      "one whose file cannot be written",
      (path: string) => mkdirSync(`${fileOf(path)}.new`, { recursive: true }),
    ],
  ])("is refused by its name where it is %s", async (_, make) => {
    const path = join(temporaryDirectory(), "state");
    make(path);
    await expect(open(path)).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
      message: expect.stringContaining(path),
    });
  });

  it.each([
    ["", "the path"],
    [7, "the path"],
    [`/${"long/".repeat(20)}`, "at most"],
  ])("is refused as %j", async (stateDir, expected) => {
    await expect(openMemoryStore({ stateDir: stateDir as string })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining(expected),
    });
  });
});

describe("a state directory that cannot be written any more", () => {
  /** Stands in the way of the next write, until the function that it returns is called. */
  function block(directory: string): () => void {
    const obstacle = `${fileOf(directory)}.new`;
    mkdirSync(obstacle);
    return () => rmdirSync(obstacle);
  }

  const unavailable = { code: "STORE_UNAVAILABLE" };

  it("costs grants that would need a write, and nothing else", async () => {
    const directory = temporaryDirectory();
    const store = await open(directory);
    await store.define("api", definition(3, { leaseMs: 10_000 }));
    await hold(store, "a");
    const unblock = block(directory);
    await hold(store, "b");
    await expect(store.acquire(request("c", { leaseMs: 12_000 }))).rejects.toMatchObject(unavailable);
    await expect(store.renew("api", [{ lease: "a", leaseMs: 12_000 }])).rejects.toMatchObject(unavailable);
    expect(await store.renew("api", [{ lease: "a" }])).toMatchObject([{ renewed: true }]);
    expect(await store.release({ semaphore: "api", lease: "b" })).toBe(true);
    unblock();
  });

  it("leaves definitions as they were", async () => {
    const directory = temporaryDirectory();
    const store = await open(directory);
    await store.define("api", definition(3));
    const unblock = block(directory);
    await expect(store.resize("api", 9)).rejects.toMatchObject(unavailable);
    await expect(store.define("other", definition(9))).rejects.toMatchObject(unavailable);
    await expect(store.remove("api")).rejects.toMatchObject(unavailable);
    expect((await store.list()).semaphores).toMatchObject([{ semaphore: "api", limit: 3, version: 1 }]);
    unblock();
  });

  it("is told to observers and by ping, and serves those who wait when it works again", async () => {
    vi.useFakeTimers({ toFake: ["performance", "setTimeout", "clearTimeout"] });
    const directory = temporaryDirectory();
    const store = await open(directory);
    const told: boolean[] = [];
    store.observe({ availability: ({ up }) => told.push(up) });
    await store.define("api", definition(3));
    await store.release({ semaphore: "api", lease: (await hold(store, "first")).lease });
    // The fences that were allowed by the first grant are used up.
    await vi.advanceTimersByTimeAsync(61_000);
    const unblock = block(directory);
    const waiter = store.acquire(request("a"));
    const impatient = expect(store.acquire(request("b", { waitMs: 500 }))).rejects.toMatchObject(unavailable);
    await expect(store.acquire(request("c", { waitMs: 0 }))).rejects.toMatchObject(unavailable);
    await expect(store.ping()).rejects.toMatchObject(unavailable);
    await vi.advanceTimersByTimeAsync(2_500);
    await impatient;
    expect(told).toEqual([false]);
    expect(await store.inspect("api")).toMatchObject({ inUse: 0, waiting: 1 });
    unblock();
    await vi.advanceTimersByTimeAsync(1_001);
    expect(await waiter).toMatchObject({ outcome: "granted" });
    await store.ping();
    expect(told).toEqual([false, true]);
  });

  it("makes the next start an unclean one", async () => {
    const directory = temporaryDirectory();
    const store = await open(directory);
    await hold(store, "a");
    await store.release({ semaphore: "api", lease: "a" });
    const unblock = block(directory);
    await store.close();
    unblock();
    expect(remembered(directory)).toMatchObject({ clean: false, longestLeaseMs: 1_000 });
  });
});

/** A lease that was granted a moment before. */
function lost(rest: Partial<Restore> = {}): Restore {
  const fence = (Date.now() - 1_000) * 1_000;
  return { permits: 1, fence, leaseMs: 1_000, holder: "test", create: undefined, ...rest };
}
