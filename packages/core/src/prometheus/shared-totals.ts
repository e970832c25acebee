import type { SemaphoreStatus } from "../store.js";

const counts = ["grantsTotal", "lapsesTotal", "revocationsTotal"] as const;

export type Totals = Record<(typeof counts)[number], number>;

/**
 * What the semaphores that share a label have counted since the first look.
 *
 * The sum of their own totals would not do: it falls when one of them disappears, or gets a label of its own, and
 * `rate()` takes a counter that falls for one that began anew, and its whole value for what has happened since.
 */
export class SharedTotals {
  readonly #totals: Totals = { grantsTotal: 0, lapsesTotal: 0, revocationsTotal: 0 };
  /** As of the look before, of every semaphore: each may come to share the label. */
  #before: ReadonlyMap<string, SemaphoreStatus> | undefined;

  /** @param others those of `all` that share the label now */
  look(all: readonly SemaphoreStatus[], others: readonly SemaphoreStatus[]): Readonly<Totals> {
    if (this.#before !== undefined) for (const status of others) this.#add(status, this.#before);
    this.#before = new Map(all.map((status) => [status.semaphore, status]));
    return this.#totals;
  }

  /** One that is new, or was made anew, has counted from 0. */
  #add(status: SemaphoreStatus, before: ReadonlyMap<string, SemaphoreStatus>): void {
    const last = before.get(status.semaphore);
    for (const name of counts) {
      const from = last?.[name] ?? 0;
      this.#totals[name] += status[name] >= from ? status[name] - from : status[name];
    }
  }
}
