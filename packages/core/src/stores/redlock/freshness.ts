/** Processes that start together find each other's marks: those of so short a time are not counted. */
export const startingMs = 2_000;
/** For how long a quorum of which too little is known waits for the others. */
const patienceMs = 500;

/**
 * Whether masters without a mark of this store have held no leases, as `assumeFresh` says. A master that has just lost
 * everything looks as new as one that was never used, so the others are asked: it is a first start where a majority of
 * them was not used before, and then for those that are met within moments.
 */
export class Freshness {
  readonly assumed: boolean;
  readonly #count: number;
  readonly #majority: number;
  readonly #used = new Map<object, boolean>();
  readonly #decision: Promise<boolean>;
  #decide!: (fresh: boolean) => void;
  #decidedAt = Number.POSITIVE_INFINITY;
  #patience: NodeJS.Timeout | undefined;

  /** @param count of all masters */
  constructor(count: number, assumed: boolean) {
    this.assumed = assumed;
    this.#count = count;
    this.#majority = Math.floor(count / 2) + 1;
    this.#decision = new Promise((resolve) => {
      this.#decide = (fresh) => {
        this.#decidedAt = Math.min(this.#decidedAt, performance.now());
        clearTimeout(this.#patience);
        resolve(fresh);
      };
    });
  }

  /** Resolves once enough masters have been asked; an answer that comes too late is no. */
  async judge(master: object, used: boolean): Promise<boolean> {
    if (performance.now() - this.#decidedAt > startingMs) return false;
    this.#used.set(master, used);
    this.#consider();
    return this.#decision;
  }

  #consider(): void {
    const answers = [...this.#used.values()];
    const used = answers.filter((one) => one).length;
    const unused = answers.length - used;
    if (unused >= this.#majority) this.#decide(true);
    else if (used > this.#count - this.#majority) this.#decide(false);
    else if (answers.length >= this.#majority)
      this.#patience ??= setTimeout(() => this.#decide(false), patienceMs).unref();
  }
}
