import { monotonicMs } from "./history/clock.js";

const everyMs = 10;
/** By less than this a timer is late on a machine that has nothing else to do. */
const usualMs = 5;

/** How late timers of this process have been up to now: time that the machine did not give it, or its loop was blocked. */
export interface Lateness extends Disposable {
  readonly worstMs: number;
  /** All of it together. */
  readonly totalMs: number;
}

/** Watches how late timers of this process are, until it is disposed of. */
export function watchLateness(): Lateness {
  return new Watch();
}

class Watch implements Lateness {
  readonly #timer = setInterval(() => this.#ring(), everyMs).unref();
  #rangAt = monotonicMs();
  #worstMs = 0;
  #totalMs = 0;

  get worstMs(): number {
    return Math.max(this.#worstMs, this.#lateMs);
  }

  get totalMs(): number {
    return this.#totalMs + this.#lateMs;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  /** How late the next ring is by now. */
  get #lateMs(): number {
    const lateMs = monotonicMs() - this.#rangAt - everyMs;
    return lateMs > usualMs ? lateMs : 0;
  }

  #ring(): void {
    const lateMs = this.#lateMs;
    this.#worstMs = Math.max(this.#worstMs, lateMs);
    this.#totalMs += lateMs;
    this.#rangAt = monotonicMs();
  }
}
