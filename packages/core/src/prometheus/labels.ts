import type { SemaphoreStatus } from "../store.js";

/** The label of every semaphore that has none of its own; also of one that is called so. */
export const overflow = "other";

export interface Labelled {
  /** Those that have a label of their own. */
  readonly named: readonly SemaphoreStatus[];
  /** Those that share one. */
  readonly others: readonly SemaphoreStatus[];
}

/**
 * The first `max` semaphores get labels of their own: those that were defined to stay, then those that were made in
 * passing, each by name. It follows from what the store holds alone, so that all processes give the same ones a label.
 */
export function labelled(semaphores: readonly SemaphoreStatus[], max: number): Labelled {
  const named: SemaphoreStatus[] = [];
  const others: SemaphoreStatus[] = [];
  for (const status of [...semaphores].sort(byPrecedence))
    (named.length < max && status.semaphore !== overflow ? named : others).push(status);
  return { named, others };
}

function byPrecedence(a: SemaphoreStatus, b: SemaphoreStatus): number {
  return Number(b.version > 0) - Number(a.version > 0) || (a.semaphore < b.semaphore ? -1 : 1);
}
