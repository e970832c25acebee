/** What a worker has done since its last report. */
export interface Counts {
  readonly done: number;
  /** Tasks that were given up because no permit came free in time. */
  readonly timedOut: number;
  readonly failed: number;
  /** Why the last one failed. */
  readonly reason: string | undefined;
}

export const nothing: Counts = { done: 0, timedOut: 0, failed: 0, reason: undefined };

export function sum(one: Counts, other: Counts): Counts {
  return {
    done: one.done + other.done,
    timedOut: one.timedOut + other.timedOut,
    failed: one.failed + other.failed,
    reason: other.reason ?? one.reason,
  };
}
