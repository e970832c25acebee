import type { Timeline } from "./timeline.js";

export interface Waiter {
  readonly key: string;
  readonly permits: number;
  readonly priority: number;
  /** Waits without end. */
  readonly patient: boolean;
  readonly askedAt: number;
  /** When its process got to know that it is queued. */
  seenAt: number;
  readonly granted: (fence: number, expiresAt: number) => void;
}

interface Held {
  readonly permits: number;
  expiresAt: number;
}

/** Chooses who is next; the first, in an honest server. */
export type Pick = (queue: readonly Waiter[], fits: (waiter: Waiter) => boolean) => number;

/** A counting semaphore as it should be: what histories are generated from. Written apart from those that it judges. */
export class FairServer {
  readonly #time: Timeline;
  readonly #limit: number;
  readonly #leaseMs: number;
  readonly #pick: Pick;
  readonly #held = new Map<string, Held>();
  #queue: Waiter[] = [];
  #fence = 0;

  constructor(time: Timeline, limit: number, leaseMs: number, pick: Pick = () => 0) {
    this.#time = time;
    this.#limit = limit;
    this.#leaseMs = leaseMs;
    this.#pick = pick;
  }

  queues(key: string): boolean {
    return this.#queue.some((waiter) => waiter.key === key);
  }

  /** False where it would have to wait and does not. */
  acquire(waiter: Waiter, waits: boolean): boolean {
    if (this.#queue.length === 0 && this.#fits(waiter)) {
      this.#grant(waiter);
      return true;
    }
    if (!waits) return false;
    const behind = this.#queue.findLastIndex(({ priority }) => priority >= waiter.priority);
    this.#queue.splice(behind + 1, 0, waiter);
    return true;
  }

  /** Leaves the queue, or gives back what was granted meanwhile. */
  cancel(key: string): void {
    this.#queue = this.#queue.filter((waiter) => waiter.key !== key);
    this.release(key);
  }

  release(key: string): boolean {
    const held = this.#held.delete(key);
    this.#handOff();
    return held;
  }

  /** When the lease ends now; undefined where it has ended. */
  renew(key: string): number | undefined {
    const held = this.#held.get(key);
    if (held === undefined) return undefined;
    held.expiresAt = this.#time.now + this.#leaseMs;
    this.#planLapse(key, held);
    return held.expiresAt;
  }

  #fits({ permits }: Waiter): boolean {
    let inUse = permits;
    for (const held of this.#held.values()) inUse += held.permits;
    return inUse <= this.#limit;
  }

  #grant({ key, permits, granted }: Waiter): void {
    const held = { permits, expiresAt: this.#time.now + this.#leaseMs };
    this.#held.set(key, held);
    this.#planLapse(key, held);
    this.#fence += 1;
    granted(this.#fence, held.expiresAt);
  }

  #handOff(): void {
    for (;;) {
      const place = this.#pick(this.#queue, (waiter) => this.#fits(waiter));
      const next = this.#queue[place];
      if (next === undefined || !this.#fits(next)) return;
      this.#queue.splice(place, 1);
      this.#grant(next);
    }
  }

  #planLapse(key: string, held: Held): void {
    this.#time.at(held.expiresAt, () => {
      if (this.#held.get(key) === held && held.expiresAt <= this.#time.now) this.release(key);
    });
  }
}
