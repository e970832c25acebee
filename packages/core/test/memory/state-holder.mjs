// One process that uses a state directory: sets limits, holds leases, says what it was granted, and waits to be killed.
// Arguments: the directory; how long its leases last; "leave" to end by itself instead, without closing its store.
import { openMemoryStore } from "@sluice/core/memory";

const [, , stateDir, leaseMs, ending] = process.argv;
const store = await openMemoryStore({ stateDir });
const definition = { limit: 2, leaseMs: Number(leaseMs), maxWaiters: 10 };
await store.define("api", definition);
await store.resize("api", 3);

function acquire(lease, permits) {
  const request = {
    semaphore: "api",
    attempt: "1",
    fingerprint: "",
    priority: 0,
    waitMs: 0,
    holder: "holder",
  };
  return store.acquire({ ...request, lease, permits, leaseMs: undefined, create: undefined });
}

const grants = [await acquire("one", 1), await acquire("two", 2)];
process.stdout.write(`${JSON.stringify({ grants })}\n`);
if (ending !== "leave") process.stdin.resume();
