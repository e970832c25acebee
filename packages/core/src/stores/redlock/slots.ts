import type { View } from "./view.js";

/** The slots that may be given out, in an order that others do not guess. */
export class FreeSlots {
  /** Permits that may be granted now. */
  room: number;
  readonly #free: number[];

  /** @param leftovers leases whose slots are taken only where there is nothing else */
  constructor(limit: number, { leases }: View, leftovers: ReadonlySet<string> = new Set()) {
    const taken = new Set<number>();
    const doubtful = new Set<number>();
    for (const { lease, slots } of leases.values())
      for (const slot of slots) (leftovers.has(lease) ? doubtful : taken).add(slot);
    const free = range(usableSlots(limit, taken)).filter((slot) => !taken.has(slot));
    this.#free = [
      ...rotated(free.filter((slot) => !doubtful.has(slot))),
      ...free.filter((slot) => doubtful.has(slot)),
    ];
    this.room = free.length;
  }

  /** For one who is before us in the queue. */
  reserve(permits: number): void {
    this.room -= permits;
  }

  /** In rising order: the first one names the fence. */
  take(permits: number): number[] {
    this.room -= permits;
    return this.#free.splice(0, permits).sort((one, other) => one - other);
  }

  /**
   * As many slots with this one among them; undefined where it is taken. The others are the last ones, which hardly
   * anybody else has.
   */
  takeWith(slot: number, permits: number): number[] | undefined {
    if (!this.#free.includes(slot) || permits > this.#free.length) return undefined;
    const others = this.#free.filter((one) => one !== slot).sort((one, other) => other - one);
    const taken = [slot, ...others.slice(0, permits - 1)];
    for (const one of taken) this.#free.splice(this.#free.indexOf(one), 1);
    return taken.sort((one, other) => one - other);
  }
}

/**
 * How many of the first slots may be given out: all below the limit, but as many fewer as are held beyond them since the
 * limit was lowered. Everybody leaves out the last ones, so that two who look at once do not fill up different ones.
 */
function usableSlots(limit: number, taken: ReadonlySet<number>): number {
  let usable = limit;
  let beyond = [...taken].filter((slot) => slot >= limit).length;
  while (usable > 0 && usable + beyond > limit) {
    usable -= 1;
    if (taken.has(usable)) beyond += 1;
  }
  return usable;
}

function range(end: number): number[] {
  return Array.from({ length: end }, (_, index) => index);
}

/** Processes that all began at the first slot would take it from each other. */
function rotated(slots: readonly number[]): number[] {
  const start = Math.floor(Math.random() * slots.length);
  return [...slots.slice(start), ...slots.slice(0, start)];
}
