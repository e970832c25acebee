/** The label of every semaphore beyond those that have one of their own. */
const overflow = "other";

/**
 * The value of the label `semaphore`, bounded in number: the first `max` semaphores that are seen keep their names,
 * for as long as the process lives, and all others share one.
 */
export class SemaphoreLabels {
  readonly #max: number;
  readonly #named = new Set<string>();

  constructor(max: number) {
    this.#max = max;
  }

  labelOf(semaphore: string): string {
    if (this.#named.has(semaphore)) return semaphore;
    if (this.#named.size >= this.#max) return overflow;
    this.#named.add(semaphore);
    return semaphore;
  }
}
