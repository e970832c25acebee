import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import type { AcquireRequest, AcquireResult, Definition, Grant, Store } from "../../src/store.js";

export const semaphore = "upstream-api";

/** An acquire that does not wait, unless the wish says otherwise. */
export function acquireOf(
  store: Store,
  wish: Partial<AcquireRequest> = {},
  signal?: AbortSignal,
): Promise<AcquireResult> {
  const request: AcquireRequest = {
    semaphore,
    lease: randomUUID(),
    attempt: randomUUID(),
    fingerprint: "",
    permits: 1,
    priority: 0,
    waitMs: 0,
    leaseMs: undefined,
    holder: "redlock",
    create: undefined,
    ...wish,
  };
  return store.acquire(request, signal);
}

/** The grant, where there is one; fails the test otherwise. */
export async function grantOf(store: Store, wish: Partial<AcquireRequest> = {}): Promise<Grant> {
  const result = await acquireOf(store, wish);
  expect(result).toMatchObject({ outcome: "granted" });
  return result as Grant;
}

export function definition(limit: number, leaseMs = 10_000): Definition {
  return { limit, leaseMs, maxWaiters: 1_000 };
}
