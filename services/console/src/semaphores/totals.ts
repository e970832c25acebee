import type { Semaphores } from "../fleet/fleet.js";

export interface Totals {
  readonly semaphores: number;
  readonly inUse: number;
  readonly limit: number;
  readonly waiting: number;
  /** How many semaphores recover. */
  readonly recovering: number;
}

export function totalsOf(semaphores: Semaphores): Totals {
  let [inUse, limit, waiting, recovering] = [0, 0, 0, 0];
  for (const { status } of semaphores.values()) {
    inUse += status.inUse;
    limit += status.limit;
    waiting += status.waiting;
    if (status.recovering) recovering += 1;
  }
  return { semaphores: semaphores.size, inUse, limit, waiting, recovering };
}
