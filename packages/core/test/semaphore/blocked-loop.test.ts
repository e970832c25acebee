import { once } from "node:events";
import { setImmediate as turn } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { afterEach, expect, test } from "vitest";
import { Semaphore } from "../../src/semaphore.js";
import type { RenewResult } from "../../src/store.js";
import { memoryStore } from "../../src/stores/memory/index.js";
import { renewed, StubStore } from "./stub-store.js";

const leaseMs = 1_500;

/** Blocks the loop as a long computation does, or a process that was stopped. */
function block(durationMs: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, durationMs);
}

/**
 * A server on a thread of its own: it holds its answer back until this thread lets it go, and says when it has been
 * sent, so that the answer arrives while this thread is blocked.
 */
const serverProgram = `
  const { parentPort, workerData } = require("node:worker_threads");
  const flags = new Int32Array(workerData);
  parentPort.on("message", (message) => {
    Atomics.wait(flags, 0, 0);
    parentPort.postMessage(message);
    Atomics.store(flags, 1, 1);
    Atomics.notify(flags, 1);
  });
`;

let worker: Worker | undefined;
afterEach(async () => {
  await worker?.terminate();
});

test("after a blocked loop remainingMs is over at once, and the signal aborts in the loop's first turn", async () => {
  const store = memoryStore();
  const semaphore = new Semaphore(store, "openai", { limit: 1, leaseMs });
  const lease = await semaphore.acquire();
  const { signal } = lease;
  await turn();
  block(leaseMs + 50);
  expect(lease.remainingMs).toBeLessThanOrEqual(0);
  expect(signal.aborted).toBe(false);
  await turn();
  await turn();
  expect(signal.reason).toMatchObject({ code: "LEASE_LOST", reason: "lapsed" });
  expect(await lease.release()).toBe(false);
});

test("an answer that arrived while the loop was blocked is read before the lease is judged", async () => {
  const flags = new Int32Array(new SharedArrayBuffer(8));
  const server = new Worker(serverProgram, { eval: true, workerData: flags.buffer });
  worker = server;
  await once(server, "online");
  const store = new StubStore();
  const called = new Promise<void>((onCall) => {
    store.onRenew = (renewals) => {
      const results: RenewResult[] = renewals.map(({ lease }) => renewed(lease, 60_000));
      server.postMessage("renew");
      onCall();
      return once(server, "message").then(() => results);
    };
  });
  const lease = await new Semaphore(store, "openai", { limit: 1, leaseMs }).acquire();
  const { signal } = lease;
  await called;
  // From here on the loop comes to the late timer before it comes to the answer.
  await turn();
  Atomics.store(flags, 0, 1);
  Atomics.notify(flags, 0);
  expect(Atomics.wait(flags, 1, 0, 5_000)).not.toBe("timed-out");
  block(lease.remainingMs + 20);
  expect(lease.remainingMs).toBeLessThanOrEqual(0);
  await turn();
  await turn();
  expect(signal.aborted).toBe(false);
  expect(lease.remainingMs).toBeGreaterThan(0);
  await lease.release();
});
