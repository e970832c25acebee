import { expect, test } from "vitest";
import { LeaseLostError, StoreUnavailableError } from "../../src/errors.js";
import { Semaphore } from "../../src/semaphore.js";
import { memoryStore } from "../../src/stores/memory/index.js";
import { StubStore } from "./stub-store.js";

test("release answers true once, and a second call returns the first one's promise", async () => {
  const store = new StubStore();
  const lease = await new Semaphore(store, "openai", { limit: 1 }).acquire();
  const first = lease.release();
  expect(lease.release()).toBe(first);
  expect(await first).toBe(true);
  expect(lease.release()).toBe(first);
  expect(store.releases).toHaveLength(1);
});

test("a failed release is told to whoever awaits it", async () => {
  const store = new StubStore();
  store.onRelease = () => Promise.reject(new StoreUnavailableError("gone"));
  const lease = await new Semaphore(store, "openai", { limit: 1 }).acquire();
  await expect(lease.release()).rejects.toThrow("gone");
});

test("a released lease is over, but its signal does not abort", async () => {
  const store = memoryStore();
  const semaphore = new Semaphore(store, "openai", { limit: 2 });
  const [watched, unwatched] = [await semaphore.acquire(), await semaphore.acquire()];
  const { signal } = watched;
  await Promise.all([watched.release(), unwatched.release()]);
  expect(watched.remainingMs).toBe(0);
  expect(signal.aborted).toBe(false);
  expect(unwatched.signal.aborted).toBe(false);
});

test("news of a loss after the release changes nothing", async () => {
  const store = new StubStore();
  const lease = await new Semaphore(store, "openai", { limit: 1 }).acquire();
  const { signal } = lease;
  await lease.release();
  store.acquires[0]?.onLost?.("revoked");
  expect(signal.aborted).toBe(false);
});

test("the signal is one object, and aborts with an error that says which lease was lost and why", async () => {
  const store = memoryStore();
  const lease = await new Semaphore(store, "openai", { limit: 1 }).acquire();
  const { signal } = lease;
  expect(lease.signal).toBe(signal);
  await store.revoke("openai", lease.id);
  expect(signal.reason).toBeInstanceOf(LeaseLostError);
  expect(signal.reason).toMatchObject({ semaphore: "openai", lease: lease.id, reason: "revoked" });
  expect(lease.remainingMs).toBeLessThanOrEqual(0);
});

test("a signal that is first read after the loss is already aborted, with the first reason", async () => {
  const store = new StubStore();
  const lease = await new Semaphore(store, "openai", { limit: 1 }).acquire();
  store.acquires[0]?.onLost?.("revoked");
  store.acquires[0]?.onLost?.("lapsed");
  expect(lease.signal.aborted).toBe(true);
  expect(lease.signal.reason).toMatchObject({ reason: "revoked" });
});

test("a lost lease is released all the same, so that the permits of a revoked one come back", async () => {
  const store = memoryStore();
  const semaphore = new Semaphore(store, "openai", { limit: 1 });
  const lease = await semaphore.acquire();
  await store.revoke("openai", lease.id);
  expect((await semaphore.inspect()).inUse).toBe(1);
  expect(await lease.release()).toBe(true);
  expect((await semaphore.inspect()).inUse).toBe(0);
});
