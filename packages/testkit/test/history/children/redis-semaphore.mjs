// The semaphore of the package redis-semaphore as a contender of the recorded worker. Settings: { url }.
import { setTimeout as sleep } from "node:timers/promises";
import { monotonicMs } from "@sluice/testkit";
import { Redis } from "ioredis";
import { Semaphore } from "redis-semaphore";

/** As the package has it. */
const retryIntervalMs = 10;

export async function open({ semaphore: name, limit, leaseMs, settings: { url }, kept }) {
  const client = new Redis(url);
  // It reconnects by itself.
  client.on("error", () => undefined);
  await client.ping();

  /** Counts the validity from before each call: what it believes for longer than that is not certain. */
  class Timed extends Semaphore {
    until = 0;

    async _acquire(signal) {
      const sentAt = monotonicMs();
      const acquired = await super._acquire(signal);
      this.until = sentAt + leaseMs;
      return acquired;
    }

    async _refresh() {
      const sentAt = monotonicMs();
      const refreshed = await super._refresh();
      if (refreshed) kept(this.identifier, sentAt + leaseMs);
      return refreshed;
    }
  }

  return {
    async acquire({ signal }) {
      const lost = new AbortController();
      const semaphore = new Timed(client, name, limit, {
        lockTimeout: leaseMs,
        // It would try again by itself, and not tell when it sent what succeeded.
        acquireAttemptsLimit: 1,
        onLockLost: (error) => lost.abort(error),
      });
      while (!(await semaphore.tryAcquire(signal))) await sleep(retryIntervalMs, undefined, { signal });
      return {
        lease: semaphore.identifier,
        fence: undefined,
        until: semaphore.until,
        signal: lost.signal,
        async release() {
          const held = semaphore.isAcquired;
          await semaphore.release();
          return held;
        },
      };
    },
    outcomeOf(error) {
      return { outcome: "unknown", code: String(error) };
    },
    async close() {
      client.disconnect();
    },
  };
}
