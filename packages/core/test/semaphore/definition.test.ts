import { afterEach, beforeEach, expect, test } from "vitest";
import { StoreUnavailableError } from "../../src/errors.js";
import { Semaphore } from "../../src/semaphore.js";
import type { DefineResult } from "../../src/store.js";
import { memoryStore } from "../../src/stores/memory/index.js";
import { deferred, grantOf, StubStore } from "./stub-store.js";

type SluiceWarning = Error & { readonly code?: string };

const warnings: SluiceWarning[] = [];
const note = (warning: Error) => {
  if (warning.name === "SluiceWarning") warnings.push(warning);
};
beforeEach(() => {
  warnings.length = 0;
  process.on("warning", note);
});
afterEach(async () => {
  await emitted();
  process.off("warning", note);
});
/** Node emits warnings in a next tick. */
const emitted = () => new Promise((resolve) => setImmediate(resolve));

test("the stored limit rules, and one warning tells the way out", async () => {
  const store = memoryStore();
  await new Semaphore(store, "openai", { limit: 10 }).acquire();
  const late = new Semaphore(store, "openai", { limit: 20 });
  await late.acquire();
  await late.acquire();
  await emitted();
  expect((await late.inspect()).limit).toBe(10);
  expect(warnings.map(({ message }) => message)).toEqual([
    '"openai" keeps limit 10 (stored); this process asked for 20. ' +
      "Change it with semaphore.resize(20) or: sluice resize openai 20",
  ]);
  expect(warnings[0]).toMatchObject({ name: "SluiceWarning", code: "LIMIT_CONFLICT" });
});

test("a refusal tells of the stored limit as well, and each stored limit is warned of once", async () => {
  const store = new StubStore();
  const semaphore = new Semaphore(store, "openai", { limit: 20 });
  for (const limit of [10, 5, 10, 5]) {
    store.onAcquire = async () => ({ outcome: "timeout", limit });
    await semaphore.tryAcquire();
  }
  store.onAcquire = async () => ({ outcome: "unknown" });
  await semaphore.tryAcquire().catch(() => undefined);
  await emitted();
  expect(warnings.map(({ message }) => message.slice(0, 30))).toEqual([
    '"openai" keeps limit 10 (store',
    '"openai" keeps limit 5 (stored',
  ]);
});

test("a process that asked for no limit, or for the stored one, is not warned", async () => {
  const store = memoryStore();
  await new Semaphore(store, "openai", { limit: 10 }).acquire();
  await new Semaphore(store, "openai", { limit: 10 }).acquire();
  await new Semaphore(store, "openai").acquire();
  await emitted();
  expect(warnings).toEqual([]);
});

test("a process that resized the semaphore asks for the new limit from then on", async () => {
  const store = memoryStore();
  const semaphore = new Semaphore(store, "openai", { limit: 1 });
  await semaphore.acquire();
  const queued = semaphore.acquire();
  await semaphore.resize(2);
  await queued;
  await semaphore.tryAcquire();
  await emitted();
  expect(warnings).toEqual([]);
});

test("resize creates what the constructor would have created, and otherwise needs something to resize", async () => {
  const store = memoryStore();
  await new Semaphore(store, "openai", { limit: 1, leaseMs: 3_000, maxWaiters: 5 }).resize(7);
  expect(await store.inspect("openai")).toMatchObject({
    limit: 7,
    leaseMs: 3_000,
    maxWaiters: 5,
    version: 1,
  });
  await expect(new Semaphore(store, "typo").resize(7)).rejects.toMatchObject({ code: "SEMAPHORE_UNKNOWN" });
  expect(await store.inspect("typo")).toBeUndefined();
});

test("resize lets waiters in at once", async () => {
  const semaphore = new Semaphore(memoryStore(), "openai", { limit: 0 });
  const queued = [semaphore.acquire(), semaphore.acquire()];
  await semaphore.resize(2);
  await Promise.all(queued);
  expect(await semaphore.inspect()).toMatchObject({ limit: 2, inUse: 2, waiting: 0 });
});

test("inspect shows a semaphore that does not exist yet as the first acquire would create it", async () => {
  const store = memoryStore();
  const semaphore = new Semaphore(store, "openai", { limit: 10, leaseMs: 2_000 });
  const before = await semaphore.inspect();
  expect(await store.inspect("openai")).toBeUndefined();
  const lease = await semaphore.acquire();
  await lease.release();
  expect({ ...(await semaphore.inspect()), grantsTotal: 0 }).toEqual(before);
  await expect(new Semaphore(store, "nobody").inspect()).rejects.toMatchObject({ code: "SEMAPHORE_UNKNOWN" });
});

test("redefine replaces the stored definition, before the first acquire and only then", async () => {
  const store = memoryStore();
  await store.define("openai", { limit: 1, leaseMs: 1_000, maxWaiters: 1 });
  const semaphore = new Semaphore(store, "openai", { limit: 2, redefine: true });
  expect((await semaphore.inspect()).limit).toBe(1);
  await Promise.all([semaphore.acquire(), semaphore.acquire()]);
  expect(await semaphore.inspect()).toMatchObject({
    limit: 2,
    leaseMs: 10_000,
    maxWaiters: 100_000,
    version: 2,
  });
  await store.resize("openai", 5);
  await semaphore.acquire();
  expect((await semaphore.inspect()).limit).toBe(5);
});

test("acquires that come before the definition is stored wait for it, in call order", async () => {
  const store = new StubStore();
  const stored = deferred<DefineResult>();
  store.onDefine = () => stored.promise;
  const semaphore = new Semaphore(store, "openai", { limit: 2, redefine: true });
  const first = semaphore.acquire({ holder: "first" });
  const second = semaphore.acquire({ holder: "second" });
  // Queued before the waiting acquires go on, yet it must not pass them.
  const third = stored.promise.then(() => semaphore.acquire({ holder: "third" }));
  expect(store.acquires).toEqual([]);
  stored.resolve({ created: true, definition: { limit: 2, leaseMs: 1, maxWaiters: 1 }, version: 1 });
  await Promise.all([first, second, third]);
  expect(store.defines).toEqual([{ limit: 2, leaseMs: 10_000, maxWaiters: 100_000 }]);
  expect(store.acquires.map(({ holder }) => holder)).toEqual(["first", "second", "third"]);
});

test("a definition that could not be stored fails the acquire, and the next one stores it", async () => {
  const store = new StubStore();
  const answer = store.onDefine;
  store.onDefine = () => Promise.reject(new StoreUnavailableError("gone"));
  const semaphore = new Semaphore(store, "openai", { limit: 2, redefine: true });
  await expect(semaphore.acquire()).rejects.toThrow("gone");
  expect(store.acquires).toEqual([]);
  store.onDefine = answer;
  await semaphore.acquire();
  await semaphore.acquire();
  expect(store.defines).toHaveLength(2);
  expect(store.acquires).toHaveLength(2);
});

test("an answer under another limit than asked is no conflict once this process has resized", async () => {
  const store = new StubStore();
  const answer = deferred<void>();
  store.onAcquire = (request) => answer.promise.then(() => grantOf(request, 20));
  const semaphore = new Semaphore(store, "openai", { limit: 10 });
  const queued = semaphore.acquire();
  await semaphore.resize(20);
  answer.resolve();
  await queued;
  await emitted();
  expect(warnings).toEqual([]);
});
