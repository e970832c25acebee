import { expect, test } from "vitest";
import { Semaphore } from "../../src/semaphore.js";
import { grantOf, StubStore } from "./stub-store.js";

const abortOf = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));

test("a store that renews by itself is not asked to", async () => {
  const store = new StubStore();
  const lease = await new Semaphore(store, "openai", { limit: 1, leaseMs: 300 }).acquire();
  const now = performance.now();
  store.acquires[0]?.onRenewed?.(now + 60_000);
  expect(lease.remainingMs).toBeGreaterThan(59_000);
  const later = await new Semaphore(store, "openai", { limit: 1, leaseMs: 300 }).acquire();
  // The other lease, of the same length, is renewed meanwhile.
  while (!store.renewals.flat().includes(later.id)) await new Promise((resolve) => setImmediate(resolve));
  expect(store.renewals.flat()).not.toContain(lease.id);
});

test("a lease that the store cannot vouch for any more ends earlier than it was said", async () => {
  const store = new StubStore();
  store.onRenew = () => new Promise(() => {});
  const lease = await new Semaphore(store, "openai", { limit: 1, leaseMs: 10_000 }).acquire();
  const aborted = abortOf(lease.signal);
  const saidAt = performance.now();
  store.acquires[0]?.onRenewed?.(saidAt + 50);
  expect(lease.remainingMs).toBeLessThanOrEqual(50);
  await aborted;
  expect(performance.now()).toBeLessThan(saidAt + 1_000);
});

test("a lease goes on when the store vouches for it again", async () => {
  const store = new StubStore();
  store.onRenew = () => new Promise(() => {});
  const lease = await new Semaphore(store, "openai", { limit: 1, leaseMs: 10_000 }).acquire();
  const told = store.acquires[0]?.onRenewed;
  const saidAt = performance.now();
  told?.(saidAt + 50);
  told?.(saidAt + 10_000);
  expect(lease.remainingMs).toBeGreaterThan(9_000);
});

test("what a store says before the grant has come here counts", async () => {
  const store = new StubStore();
  store.onAcquire = async (request) => {
    request.onRenewed?.(performance.now() + 60_000);
    return grantOf(request);
  };
  const lease = await new Semaphore(store, "openai", { limit: 1 }).acquire();
  expect(lease.remainingMs).toBeGreaterThan(59_000);
});
