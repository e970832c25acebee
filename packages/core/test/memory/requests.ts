import { expect } from "vitest";
import type { AcquireRequest, Grant, Store } from "../../src/store.js";
import { definition } from "./operations.js";

/** An acquire of a semaphore "api", which it creates in passing with a limit of 1. */
export function request(lease: string, rest: Partial<AcquireRequest> = {}): AcquireRequest {
  return {
    semaphore: "api",
    lease,
    attempt: "1",
    fingerprint: "",
    permits: 1,
    priority: 0,
    waitMs: Number.POSITIVE_INFINITY,
    leaseMs: undefined,
    holder: "test",
    create: definition(1),
    ...rest,
  };
}

/** Acquires what must be free. */
export async function hold(store: Store, lease: string, rest: Partial<AcquireRequest> = {}): Promise<Grant> {
  const result = await store.acquire(request(lease, rest));
  expect(result).toMatchObject({ outcome: "granted" });
  return result as Grant;
}
