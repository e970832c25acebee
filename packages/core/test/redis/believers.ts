import { setTimeout as sleep } from "node:timers/promises";
import type { Lease } from "../../src/lease/lease.js";
import type { Semaphore } from "../../src/semaphore.js";

/** Work under leases of one semaphore, which counts how many are believed at the same moment. */
export class Believers {
  most = 0;
  done = 0;
  /** Leases that ended before their work did. */
  lost = 0;
  #stopped = false;
  readonly #held = new Set<Lease>();

  /** Acquires, works for `workMs` and releases, again and again, until `stop`. Whatever acquire throws ends it. */
  async work(semaphore: Semaphore, workMs: number): Promise<void> {
    while (!this.#stopped) {
      const lease = await semaphore.acquire();
      this.#begin(lease);
      await sleep(workMs);
      if (lease.signal.aborted) this.lost += 1;
      this.#held.delete(lease);
      await lease.release().catch(() => false);
      this.done += 1;
    }
  }

  stop(): void {
    this.#stopped = true;
  }

  /** After a stop of this process a new grant may be read before a lease that is over has been said to be lost. */
  #begin(lease: Lease): void {
    this.#held.add(lease);
    const believed = [...this.#held].filter(({ remainingMs }) => remainingMs > 0);
    this.most = Math.max(this.most, believed.length);
  }
}
