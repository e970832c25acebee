export interface SemaphoreOptions {
  /**
   * How many permits there are in all; 0 pauses. Creates the semaphore where it does not exist yet; where it does,
   * the stored limit rules. Left out: the semaphore must exist.
   */
  readonly limit?: number | undefined;
  /**
   * How long a lease lasts unless it is renewed, which happens by itself: how long the permits of a process that died
   * stay taken. At least 100, at most the store's `maxLeaseMs`. Left out: as the stored definition says, 10,000 in a
   * semaphore that this one creates.
   */
  readonly leaseMs?: number | undefined;
  /** How many acquires may be queued in a semaphore that this one creates; 100,000 when left out. */
  readonly maxWaiters?: number | undefined;
  /** The label of this process in listings for operators; `hostname:pid` when left out. */
  readonly holder?: string | undefined;
  /**
   * Stores this definition before the first acquire, over what is stored. That acquire fails where the definition
   * cannot be stored, and the next one tries again.
   */
  readonly redefine?: boolean | undefined;
}

export interface AcquireOptions {
  /** How many permits the lease holds; 1 when left out. */
  readonly permits?: number | undefined;
  /** How long to wait in the queue; 0 never queues. Left out: without end. */
  readonly waitMs?: number | undefined;
  /** -1000 to 1000, higher first; 0 when left out. */
  readonly priority?: number | undefined;
  /** How long this lease lasts unless it is renewed. Left out: as the semaphore says. */
  readonly leaseMs?: number | undefined;
  /** The label of this lease in listings for operators. Left out: the semaphore's. */
  readonly holder?: string | undefined;
  /** Leaves the queue when it aborts. A lease that was granted before is not touched. */
  readonly signal?: AbortSignal | undefined;
}

export type TryAcquireOptions = Omit<AcquireOptions, "waitMs">;
