import { setMaxListeners } from "node:events";

/** What a store has begun and a closing one lets finish. */
export class UnderWay {
  readonly #work = new Set<Promise<unknown>>();
  readonly #closing = new AbortController();

  constructor() {
    // As many listeners as there are calls under way are no leak.
    setMaxListeners(0, this.#closing.signal);
  }

  /** Aborts when the store closes: what must still be said is then said once, and not again. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** The same promise, which `finish` waits for. It may fail unheard. */
  add<Result>(work: Promise<Result>): Promise<Result> {
    const forget = () => this.#work.delete(work);
    this.#work.add(work);
    work.then(forget, forget);
    return work;
  }

  close(): void {
    this.#closing.abort();
  }

  /** Resolves when nothing is under way; what is under way may begin more. */
  async finish(): Promise<void> {
    while (this.#work.size > 0) await Promise.allSettled(this.#work);
  }
}
