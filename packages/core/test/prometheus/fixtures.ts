import type { AcquireRequest, SemaphoreStatus } from "../../src/store.js";

export const request: AcquireRequest = {
  semaphore: "openai",
  lease: "lease-1",
  attempt: "",
  fingerprint: "",
  permits: 1,
  priority: 0,
  waitMs: 0,
  leaseMs: 1_000,
  holder: "test",
  create: { limit: 10, leaseMs: 1_000, maxWaiters: 10 },
};

export const status: SemaphoreStatus = {
  semaphore: "openai",
  limit: 10,
  inUse: 4,
  waiting: 2,
  leaseMs: 10_000,
  maxWaiters: 100,
  version: 0,
  recovering: false,
  oldestWaiterMs: 5_000,
  oldestLeaseMs: 60_000,
  grantsTotal: 1_000,
  lapsesTotal: 3,
  revocationsTotal: 1,
};
