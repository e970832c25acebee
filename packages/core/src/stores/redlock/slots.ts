import type { View } from "./view.js";

/** The slots that nobody seems to hold, in an order that others do not guess, and how many of them may be given out. */
export class FreeSlots {
  /** Permits that may be granted now: never more than there are slots, and none while more are held than the limit. */
  room: number;
  readonly #free: number[];

  constructor(limit: number, view: View) {
    const taken = new Set<number>();
    for (const { slots } of view.leases.values()) for (const slot of slots) taken.add(slot);
    this.#free = rotated(range(limit).filter((slot) => !taken.has(slot)));
    this.room = Math.max(0, Math.min(this.#free.length, limit - taken.size));
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

  /** As many slots with this one among them; undefined where it is taken. */
  takeWith(slot: number, permits: number): number[] | undefined {
    const at = this.#free.indexOf(slot);
    if (at === -1 || permits > this.#free.length) return undefined;
    this.#free.splice(at, 1);
    return [slot, ...this.take(permits - 1)].sort((one, other) => one - other);
  }
}

function range(end: number): number[] {
  return Array.from({ length: end }, (_, index) => index);
}

/** Processes that all began at the first slot would take it from each other. */
function rotated(slots: readonly number[]): number[] {
  const start = Math.floor(Math.random() * slots.length);
  return [...slots.slice(start), ...slots.slice(0, start)];
}
