import { expect, test } from "vitest";
import { StoreUnavailableError } from "../../src/errors.js";
import { Semaphore } from "../../src/semaphore.js";
import { memoryStore } from "../../src/stores/memory/index.js";
import { deferred, StubStore } from "./stub-store.js";

test("use hands the lease to the work, returns what it returns, and releases afterwards", async () => {
  const store = new StubStore();
  const semaphore = new Semaphore(store, "openai", { limit: 1 });
  const result = await semaphore.use(
    (lease) => {
      expect(store.releases).toEqual([]);
      expect(lease.remainingMs).toBeGreaterThan(0);
      return `fence ${lease.fence}`;
    },
    { permits: 1, waitMs: 5 },
  );
  expect(result).toBe("fence 1");
  expect(store.acquires[0]).toMatchObject({ waitMs: 5 });
  expect(store.releases).toEqual([{ semaphore: "openai", lease: store.acquires[0]?.lease }]);
});

test.each([
  [
    "throws",
    () => {
      throw new Error("work failed");
    },
  ],
  ["rejects", () => Promise.reject(new Error("work failed"))],
])("the lease is released when the work %s, and the failure is its caller's", async (_how, work) => {
  const store = new StubStore();
  await expect(new Semaphore(store, "openai", { limit: 1 }).use(work)).rejects.toThrow("work failed");
  expect(store.releases).toHaveLength(1);
});

test("use ends after the release has ended", async () => {
  const store = new StubStore();
  const release = deferred<boolean>();
  store.onRelease = () => release.promise;
  let over = false;
  const used = new Semaphore(store, "openai", { limit: 1 })
    .use(() => "done")
    .then(() => {
      over = true;
    });
  while (store.releases.length === 0) await Promise.resolve();
  expect(over).toBe(false);
  release.resolve(true);
  await used;
});

test("a failing release neither hides a result nor another failure", async () => {
  const store = new StubStore();
  store.onRelease = () => Promise.reject(new StoreUnavailableError("gone"));
  const semaphore = new Semaphore(store, "openai", { limit: 1 });
  expect(await semaphore.use(() => "paid answer")).toBe("paid answer");
  await expect(semaphore.use(() => Promise.reject(new Error("work failed")))).rejects.toThrow("work failed");
});

test("the answer of work that lost its lease is not thrown away", async () => {
  const store = memoryStore();
  const semaphore = new Semaphore(store, "openai", { limit: 1 });
  const answer = await semaphore.use(async (lease) => {
    await store.revoke("openai", lease.id);
    expect(lease.signal.aborted).toBe(true);
    return "paid answer";
  });
  expect(answer).toBe("paid answer");
});

test("work that heeds the signal rejects by itself", async () => {
  const store = memoryStore();
  const semaphore = new Semaphore(store, "openai", { limit: 1 });
  const used = semaphore.use(async ({ id, signal }) => {
    const lost = new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    await store.revoke("openai", id);
    await lost;
  });
  await expect(used).rejects.toMatchObject({ code: "LEASE_LOST", reason: "revoked" });
  expect((await semaphore.inspect()).inUse).toBe(0);
});

test("wrap keeps arguments and this, and limits all calls together", async () => {
  const semaphore = new Semaphore(memoryStore(), "openai", { limit: 3 });
  let running = 0;
  let most = 0;
  const account = {
    rate: 2,
    cost: semaphore.wrap(async function (this: { rate: number }, tokens: number, label: string) {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      return `${label}: ${tokens * this.rate}`;
    }),
  };
  const costs = await Promise.all(Array.from({ length: 20 }, (_, index) => account.cost(index, "cost")));
  expect(costs).toEqual(Array.from({ length: 20 }, (_, index) => `cost: ${index * 2}`));
  expect(most).toBe(3);
});

test("every call of a wrapped function acquires with the options of wrap", async () => {
  const store = new StubStore();
  const limited = new Semaphore(store, "openai", { limit: 9 }).wrap((word: string) => word, {
    permits: 4,
    priority: 2,
  });
  expect(await limited("yes")).toBe("yes");
  await limited("again");
  expect(store.acquires).toHaveLength(2);
  for (const request of store.acquires) expect(request).toMatchObject({ permits: 4, priority: 2 });
});

test("a lease can be held by an await using block, whose failing release stays its own", async () => {
  const store = new StubStore();
  store.onRelease = () => Promise.reject(new StoreUnavailableError("gone"));
  const semaphore = new Semaphore(store, "openai", { limit: 1 });
  const work = async () => {
    await using lease = await semaphore.acquire();
    return lease.permits;
  };
  expect(await work()).toBe(1);
  expect(store.releases).toHaveLength(1);
});
