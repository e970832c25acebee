/** What `setTimeout` can count: anything longer would ring at once. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

/**
 * Calls back once at a moment of `performance.now()`, never before it, however far away. Keeps the process alive only
 * where it is asked to.
 */
export class Alarm {
  readonly #ring: () => void;
  #keepsAlive: boolean;
  #at = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  constructor(ring: () => void, { keepsAlive }: { readonly keepsAlive: boolean }) {
    this.#ring = ring;
    this.#keepsAlive = keepsAlive;
  }

  /** When it will ring; Infinity while it is not set. */
  get at(): number {
    return this.#at;
  }

  set(at: number): void {
    this.clear();
    if (at === Number.POSITIVE_INFINITY) return;
    this.#at = at;
    const delayMs = Math.min(Math.ceil(at - performance.now()), LONGEST_TIMEOUT_MS);
    this.#timer = setTimeout(() => this.#fire(), delayMs);
    if (!this.#keepsAlive) this.#timer.unref();
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#at = Number.POSITIVE_INFINITY;
  }

  keepAlive(wanted: boolean): void {
    if (wanted === this.#keepsAlive) return;
    this.#keepsAlive = wanted;
    if (wanted) this.#timer?.ref();
    else this.#timer?.unref();
  }

  /** Timers count in whole milliseconds of the loop's own clock, and may be up to one early by ours. */
  #fire(): void {
    if (performance.now() < this.#at) {
      this.set(this.#at);
      return;
    }
    this.clear();
    this.#ring();
  }
}
