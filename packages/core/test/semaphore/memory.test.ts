import { setImmediate as turn } from "node:timers/promises";
import { afterEach, expect, test, vi } from "vitest";
import { Semaphore } from "../../src/semaphore.js";
import { memoryStore } from "../../src/stores/memory/index.js";

afterEach(() => {
  vi.useRealTimers();
});

test("a hundred tasks of several semaphores run ten at a time, all together, first come first served", async () => {
  const store = memoryStore();
  const semaphores = Array.from({ length: 4 }, () => new Semaphore(store, "openai", { limit: 10 }));
  const started: number[] = [];
  const fences: number[] = [];
  let running = 0;
  let most = 0;
  const task = async (number: number) => {
    const semaphore = semaphores[number % semaphores.length] as Semaphore;
    return semaphore.use(async ({ fence }) => {
      started.push(number);
      fences.push(fence);
      running += 1;
      most = Math.max(most, running);
      for (let turns = number % 5; turns >= 0; turns -= 1) await turn();
      running -= 1;
      return number;
    });
  };
  const numbers = Array.from({ length: 100 }, (_, number) => number);
  expect(await Promise.all(numbers.map(task))).toEqual(numbers);
  expect(most).toBe(10);
  expect(started).toEqual(numbers);
  expect(fences).toEqual([...fences].sort((a, b) => a - b));
  expect(await semaphores[0]?.inspect()).toMatchObject({
    inUse: 0,
    waiting: 0,
    grantsTotal: 100,
    lapsesTotal: 0,
  });
});

test("a lease outlives its time for as long as it is held, watched or not", async () => {
  vi.useFakeTimers({
    toFake: ["setTimeout", "clearTimeout", "setImmediate", "clearImmediate", "performance"],
  });
  const semaphore = new Semaphore(memoryStore(), "openai", { limit: 2, leaseMs: 300 });
  const [watched, unwatched] = [await semaphore.acquire(), await semaphore.acquire()];
  const { signal } = watched;
  await vi.advanceTimersByTimeAsync(30_000);
  expect(signal.aborted).toBe(false);
  expect(watched.remainingMs).toBeGreaterThan(0);
  expect(unwatched.remainingMs).toBeGreaterThan(0);
  expect(await semaphore.tryAcquire()).toBeUndefined();
  expect(await Promise.all([watched.release(), unwatched.release()])).toEqual([true, true]);
  expect((await semaphore.inspect()).lapsesTotal).toBe(0);
});

test("a waiter is let in by the release before it, weighted requests included", async () => {
  const semaphore = new Semaphore(memoryStore(), "openai", { limit: 3 });
  const first = await semaphore.acquire({ permits: 2 });
  const large = semaphore.acquire({ permits: 3 });
  expect(await semaphore.tryAcquire()).toBeUndefined();
  await first.release();
  const lease = await large;
  expect(lease.permits).toBe(3);
  expect(lease.fence).toBeGreaterThan(first.fence);
  await lease.release();
});

test("closing the store fails those who wait", async () => {
  const store = memoryStore();
  const semaphore = new Semaphore(store, "openai", { limit: 1 });
  await semaphore.acquire();
  const queued = semaphore.acquire();
  await store.close();
  await expect(queued).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  await expect(semaphore.tryAcquire()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
});
