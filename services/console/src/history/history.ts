/** How far back a history reaches, in milliseconds. */
export const WINDOW_MS = 120_000;

/** One look a second fills the window, with some to spare for what an answer tells between two looks. */
const CAPACITY = 160;

export interface Sample {
  /** By the page's own clock, in milliseconds. */
  readonly at: number;
  readonly inUse: number;
  readonly limit: number;
  readonly waiting: number;
  /** False from where on nobody told the page anything; the numbers are 0 then. */
  readonly isKnown: boolean;
}

/** Of a time of which nothing is known. */
export const unknown = { inUse: 0, limit: 0, waiting: 0, isKnown: false } as const;

/**
 * How a semaphore was in the last two minutes: only its changes are kept, in a ring of fixed size, because a thousand
 * semaphores may change every second. Between two samples the former one holds.
 */
export class History {
  readonly #ats = new Float64Array(CAPACITY);
  readonly #inUse = new Uint32Array(CAPACITY);
  readonly #limits = new Uint32Array(CAPACITY);
  readonly #waiting = new Uint32Array(CAPACITY);
  readonly #isKnown = new Uint8Array(CAPACITY);
  #first = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get latest(): Sample | undefined {
    return this.#size === 0 ? undefined : this.#sample(this.#size - 1);
  }

  /** What is as before is no new sample. */
  add(sample: Sample): void {
    if (this.latest !== undefined && isSame(this.latest, sample)) return;
    const { at, inUse, limit, waiting, isKnown } = sample;
    this.#forget(at - WINDOW_MS);
    if (this.#size === CAPACITY) this.#dropFirst();
    const slot = (this.#first + this.#size) % CAPACITY;
    this.#ats[slot] = at;
    this.#inUse[slot] = inUse;
    this.#limits[slot] = limit;
    this.#waiting[slot] = waiting;
    this.#isKnown[slot] = Number(isKnown);
    this.#size += 1;
  }

  /** The samples from `from` on, after the one that held then: the first may be older than `from`. */
  since(from: number): Sample[] {
    const samples: Sample[] = [];
    for (let index = 0; index < this.#size; index += 1) {
      const sample = this.#sample(index);
      if (sample.at <= from) samples.length = 0;
      samples.push(sample);
    }
    return samples;
  }

  /** The last one before the window stays: it holds when the window begins. */
  #forget(from: number): void {
    while (this.#size > 1 && this.#at(1) <= from) this.#dropFirst();
  }

  #dropFirst(): void {
    this.#first = (this.#first + 1) % CAPACITY;
    this.#size -= 1;
  }

  #at(index: number): number {
    return this.#ats[(this.#first + index) % CAPACITY] ?? 0;
  }

  #sample(index: number): Sample {
    const slot = (this.#first + index) % CAPACITY;
    return {
      at: this.#ats[slot] ?? 0,
      inUse: this.#inUse[slot] ?? 0,
      limit: this.#limits[slot] ?? 0,
      waiting: this.#waiting[slot] ?? 0,
      isKnown: this.#isKnown[slot] === 1,
    };
  }
}

function isSame(one: Sample, other: Sample): boolean {
  return (
    one.inUse === other.inUse &&
    one.limit === other.limit &&
    one.waiting === other.waiting &&
    one.isKnown === other.isKnown
  );
}
