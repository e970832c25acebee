import type { AcquireRequest } from "@sluice/core";

export function request(wish: Partial<AcquireRequest> = {}): AcquireRequest {
  return {
    semaphore: "api",
    lease: "the-key",
    attempt: "",
    fingerprint: "",
    permits: 1,
    priority: 0,
    waitMs: 0,
    leaseMs: undefined,
    holder: "test",
    create: undefined,
    ...wish,
  };
}
