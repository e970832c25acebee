import { overflow } from "./labels.js";
import type { SemaphoreMeter } from "./semaphore-meter.js";

/** What begins and ends the series of a label. */
export interface Series {
  begin(label: string): SemaphoreMeter;
  /** Once, before the meter is used for the first time. */
  use(label: string): void;
  drop(label: string): void;
}

interface Entry {
  readonly meter: SemaphoreMeter;
  /** This process has done something with it since it was looked at last. */
  isBusy: boolean;
  /** This process has never done anything with it: what it counts is 0, but for recoveries. */
  isUntouched: boolean;
}

/**
 * The meters of semaphores, each under a label of its own, bounded in number; all others share one.
 *
 * What this process uses gets its label first come, first served. Labels that are left begin at 0 for semaphores that
 * were seen only, and give way to one that is used. A semaphore that the store does not have any more, and that was not
 * used for the time between two looks, loses its label: names that come and go do not use labels up.
 */
export class Meters {
  readonly #max: number;
  readonly #series: Series;
  readonly #entries = new Map<string, Entry>();
  readonly #untouched = new Set<string>();
  #shared: SemaphoreMeter | undefined;
  #isSharedUsed = false;

  constructor(max: number, series: Series) {
    this.#max = max;
    this.#series = series;
  }

  /** For counting what this process does with the semaphore. */
  meterOf(semaphore: string): SemaphoreMeter {
    const entry = this.#entries.get(semaphore) ?? this.#makeRoomFor(semaphore);
    if (entry === undefined) return this.#useShared();
    entry.isBusy = true;
    if (entry.isUntouched) this.#touch(semaphore, entry);
    return entry.meter;
  }

  /** For counting what was seen of the semaphore in the store: that is no use of it. */
  seenMeterOf(semaphore: string): SemaphoreMeter {
    return this.#entries.get(semaphore)?.meter ?? this.#sharedMeter();
  }

  /** The store has these semaphores, and no others. */
  saw(semaphores: readonly string[]): void {
    const present = new Set(semaphores);
    for (const [semaphore, entry] of this.#entries) {
      if (!entry.isBusy && !present.has(semaphore)) this.#end(semaphore);
      entry.isBusy = false;
    }
    for (const semaphore of present) {
      if (this.#entries.has(semaphore)) continue;
      if (this.#hasRoomFor(semaphore)) this.#begin(semaphore);
      else this.#sharedMeter();
    }
  }

  #makeRoomFor(semaphore: string): Entry | undefined {
    if (semaphore === overflow) return undefined;
    const [idle] = this.#untouched;
    if (this.#entries.size >= this.#max && idle !== undefined) this.#end(idle);
    return this.#hasRoomFor(semaphore) ? this.#begin(semaphore) : undefined;
  }

  #hasRoomFor(semaphore: string): boolean {
    return semaphore !== overflow && this.#entries.size < this.#max;
  }

  #begin(semaphore: string): Entry {
    const entry: Entry = { meter: this.#series.begin(semaphore), isBusy: false, isUntouched: true };
    this.#entries.set(semaphore, entry);
    this.#untouched.add(semaphore);
    return entry;
  }

  #touch(semaphore: string, entry: Entry): void {
    entry.isUntouched = false;
    this.#untouched.delete(semaphore);
    this.#series.use(semaphore);
  }

  #end(semaphore: string): void {
    this.#series.drop(semaphore);
    this.#entries.delete(semaphore);
    this.#untouched.delete(semaphore);
  }

  #sharedMeter(): SemaphoreMeter {
    this.#shared ??= this.#series.begin(overflow);
    return this.#shared;
  }

  #useShared(): SemaphoreMeter {
    if (!this.#isSharedUsed) this.#series.use(overflow);
    this.#isSharedUsed = true;
    return this.#sharedMeter();
  }
}
