/** The smallest and the largest value of an argument. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

/** The longest delay of a timer; a longer one would fire at once. */
const longestTimerMs = 2_147_483_647;

/** What numbers may be, in one place: the semaphore, the HTTP face and the command line ask for the same. */
export const bounds = {
  permits: { min: 1, max: 2_147_483_647 },
  limit: { min: 0, max: 2_147_483_647 },
  maxWaiters: { min: 0, max: 2_147_483_647 },
  priority: { min: -1_000, max: 1_000 },
  /**
   * A third of the shortest lease still holds a round trip to the store and a pause of a busy process; a store sets
   * the longest one (`maxLeaseMs`).
   */
  leaseMs: { min: 100, max: longestTimerMs },
  /** Infinity is accepted as well. */
  waitMs: { min: 0, max: longestTimerMs },
  pageSize: { min: 1, max: 1_000 },
} as const satisfies Record<string, Range>;

/** Names of semaphores. */
export const namePattern = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;

/** Labels of holders: 1 to 128 printable characters. */
export const holderPattern = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]{1,128}$/u;

/** What a definition says where its author does not. `leaseMs` is cut to the `maxLeaseMs` of the store. */
export const definitionDefaults = { leaseMs: 10_000, maxWaiters: 100_000 } as const;
