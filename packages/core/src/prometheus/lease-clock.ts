/** Leases are forgotten so long after they should have ended: they were released, or lost, elsewhere. */
const forgetAfterMs = 600_000;

interface Running {
  readonly startedAt: number;
  validUntil: number;
}

/** Knows since when each lease has been held, for their durations. Times are of the monotonic clock. */
export class LeaseClock {
  readonly #running = new Map<string, Running>();
  #sweepAtSize = 1_024;

  /** A lease that is granted once more keeps its start. */
  start(semaphore: string, lease: string, validUntil: number): void {
    if (this.extend(semaphore, lease, validUntil)) return;
    this.#running.set(keyOf(semaphore, lease), { startedAt: performance.now(), validUntil });
    if (this.#running.size >= this.#sweepAtSize) this.#sweep();
  }

  /** False where the lease is not known. */
  extend(semaphore: string, lease: string, validUntil: number): boolean {
    const running = this.#running.get(keyOf(semaphore, lease));
    if (running === undefined) return false;
    running.validUntil = validUntil;
    return true;
  }

  /** How long the lease was held; undefined where it is not known, or was stopped before. */
  stop(semaphore: string, lease: string): number | undefined {
    const key = keyOf(semaphore, lease);
    const running = this.#running.get(key);
    if (running === undefined) return undefined;
    this.#running.delete(key);
    return performance.now() - running.startedAt;
  }

  /** Runs when the number of leases has doubled, so that its cost is a constant for each lease. */
  #sweep(): void {
    const endedBefore = performance.now() - forgetAfterMs;
    for (const [key, { validUntil }] of this.#running) {
      if (validUntil < endedBefore) this.#running.delete(key);
    }
    this.#sweepAtSize = Math.max(1_024, this.#running.size * 2);
  }
}

/** Leases are unique within their semaphore; no name contains a space. */
function keyOf(semaphore: string, lease: string): string {
  return `${semaphore} ${lease}`;
}
