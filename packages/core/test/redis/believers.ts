import { setTimeout as sleep } from "node:timers/promises";
import type { Semaphore } from "../../src/semaphore.js";

/** Work under leases of one semaphore, which counts how many are believed at the same moment. */
export class Believers {
  believed = 0;
  most = 0;
  done = 0;
  /** Leases that ended before their work did. */
  lost = 0;
  #stopped = false;

  /** Acquires, works for `workMs` and releases, again and again, until `stop`. Whatever acquire throws ends it. */
  async work(semaphore: Semaphore, workMs: number): Promise<void> {
    while (!this.#stopped) {
      const lease = await semaphore.acquire();
      const end = this.#begin();
      lease.signal.addEventListener("abort", end);
      await sleep(workMs);
      if (lease.signal.aborted) this.lost += 1;
      end();
      await lease.release().catch(() => false);
      this.done += 1;
    }
  }

  stop(): void {
    this.#stopped = true;
  }

  #begin(): () => void {
    let ended = false;
    this.believed += 1;
    this.most = Math.max(this.most, this.believed);
    return () => {
      if (ended) return;
      ended = true;
      this.believed -= 1;
    };
  }
}
