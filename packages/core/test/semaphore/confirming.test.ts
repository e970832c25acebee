import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Semaphore } from "../../src/semaphore.js";
import { grantOf, StubStore } from "./stub-store.js";

beforeEach(() => {
  vi.useFakeTimers({
    toFake: ["setTimeout", "clearTimeout", "setImmediate", "clearImmediate", "performance"],
  });
});
afterEach(() => {
  vi.useRealTimers();
});

test("a store that renews by itself is not asked to", async () => {
  const store = new StubStore();
  const lease = await new Semaphore(store, "openai", { limit: 1, leaseMs: 300 }).acquire();
  const now = performance.now();
  store.acquires[0]?.onRenewed?.(now + 60_000);
  expect(lease.remainingMs).toBe(60_000);
  const later = await new Semaphore(store, "openai", { limit: 1, leaseMs: 300 }).acquire();
  // The other lease, of the same length, is renewed meanwhile.
  await vi.advanceTimersByTimeAsync(1_000);
  expect(store.renewals.flat()).toContain(later.id);
  expect(store.renewals.flat()).not.toContain(lease.id);
});

test("a lease that the store cannot vouch for any more ends earlier than it was said", async () => {
  const store = new StubStore();
  store.onRenew = () => new Promise(() => {});
  const lease = await new Semaphore(store, "openai", { limit: 1, leaseMs: 10_000 }).acquire();
  const { signal } = lease;
  store.acquires[0]?.onRenewed?.(performance.now() + 50);
  expect(lease.remainingMs).toBe(50);
  await vi.advanceTimersByTimeAsync(40);
  expect(signal.aborted).toBe(false);
  await vi.advanceTimersByTimeAsync(10);
  expect(signal.aborted).toBe(true);
});

test("a lease goes on when the store vouches for it again", async () => {
  const store = new StubStore();
  store.onRenew = () => new Promise(() => {});
  const lease = await new Semaphore(store, "openai", { limit: 1, leaseMs: 10_000 }).acquire();
  const told = store.acquires[0]?.onRenewed;
  const saidAt = performance.now();
  told?.(saidAt + 50);
  told?.(saidAt + 10_000);
  expect(lease.remainingMs).toBe(10_000);
  await vi.advanceTimersByTimeAsync(9_000);
  expect(lease.signal.aborted).toBe(false);
});

test("what a store says before the grant has come here counts", async () => {
  const store = new StubStore();
  store.onAcquire = async (request) => {
    request.onRenewed?.(performance.now() + 60_000);
    return grantOf(request);
  };
  const lease = await new Semaphore(store, "openai", { limit: 1 }).acquire();
  expect(lease.remainingMs).toBe(60_000);
});
