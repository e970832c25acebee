/** The pause before looking again, while something is not as it should be. */
const pauseMs = { first: 50, longest: 1_000 };

/** Looks after something that may be broken: once at a time, at intervals that grow while that does not help. */
export class Mender {
  readonly #mend: () => Promise<void>;
  readonly #isBroken: () => boolean;
  #next: NodeJS.Timeout | undefined;
  #mending = false;
  #mendedAt = Number.NEGATIVE_INFINITY;
  /** How often in a row it was looked in vain. */
  #fruitless = 0;
  #closed = false;

  /** @param mend never rejects */
  constructor(mend: () => Promise<void>, isBroken: () => boolean) {
    this.#mend = mend;
    this.#isBroken = isBroken;
  }

  /** Something may be broken. What is found to be so when a look that goes on has ended, is looked after then. */
  wanted(): void {
    if (this.#closed || this.#mending || this.#next !== undefined) return;
    const pause = Math.min(pauseMs.first * 2 ** this.#fruitless, pauseMs.longest);
    const waitMs = Math.max(0, this.#mendedAt + pause - performance.now());
    this.#next = setTimeout(() => {
      this.#next = undefined;
      void this.#look();
    }, waitMs);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#next);
  }

  async #look(): Promise<void> {
    this.#mending = true;
    await this.#mend();
    this.#mending = false;
    this.#mendedAt = performance.now();
    this.#fruitless += 1;
    if (this.#isBroken()) this.wanted();
    else this.#fruitless = 0;
  }
}
