/**
 * What a process writes into its log, a line each, before it acts on what it says.
 *
 * Words
 * - call: the number of an acquire within its process, in call order
 * - belief: the time in which a process counts on a lease: from when it has it in hand until it begins to release it,
 *   hears that it is lost, or its validity ends by the process's own clock
 * - `at`: when it happened, in milliseconds of the host's monotonic clock (`monotonicMs`)
 * - `until`: the end of a lease's validity as its holder knows it, on the same clock, never too late
 */
export type HistoryEvent =
  | Began
  | Invoked
  | Queued
  | Granted
  | Failed
  | Unknown
  | Kept
  | Lost
  | Releasing
  | Released
  | ReleaseUnknown
  | Stalled
  | Ended;

/** The first line. */
export interface Began {
  readonly kind: "began";
  readonly at: number;
  readonly process: string;
  readonly semaphore: string;
}

/** An acquire is about to be made. */
export interface Invoked {
  readonly kind: "invoke";
  readonly at: number;
  readonly call: number;
  readonly permits: number;
  readonly priority: number;
  /** Left out: waits without end. */
  readonly waitMs?: number | undefined;
}

/** The store is known to have queued the acquire by now. Nobody need find out; where it is known, order is judged by it. */
export interface Queued {
  readonly kind: "queued";
  readonly at: number;
  readonly call: number;
}

/** The acquire has returned a lease; `at` was read once it was in hand. */
export interface Granted {
  readonly kind: "ok";
  readonly at: number;
  readonly call: number;
  readonly lease: string;
  /** Left out: the semaphore has none. */
  readonly fence?: number | undefined;
  readonly until: number;
}

/** The acquire has failed, and leaves no lease that anybody could believe in. */
export interface Failed {
  readonly kind: "fail";
  readonly at: number;
  readonly call: number;
  readonly code: string;
}

/** The acquire has failed, and may still be carried out: permits can be taken that nobody believes in. */
export interface Unknown {
  readonly kind: "unknown";
  readonly at: number;
  readonly call: number;
  readonly code: string;
}

/** The validity of a lease ends at another moment now: later after a renewal, earlier where the store takes some back. */
export interface Kept {
  readonly kind: "keep";
  readonly at: number;
  readonly lease: string;
  readonly until: number;
}

/** Its process has been told that the lease is over. */
export interface Lost {
  readonly kind: "lost";
  readonly at: number;
  readonly lease: string;
}

/** A lease is about to be released, and not believed in any more. */
export interface Releasing {
  readonly kind: "release";
  readonly at: number;
  readonly lease: string;
}

export interface Released {
  readonly kind: "released";
  readonly at: number;
  readonly lease: string;
  /** Whether it was held until then. */
  readonly held: boolean;
}

/** The release has failed, and may still be carried out. */
export interface ReleaseUnknown {
  readonly kind: "release unknown";
  readonly at: number;
  readonly lease: string;
  readonly code: string;
}

/** The process did nothing since `from`: it was stopped, its loop was blocked, or the machine had no time for it. */
export interface Stalled {
  readonly kind: "stalled";
  readonly at: number;
  readonly from: number;
}

/** The last line of a process that ended in good order, with nothing under way. */
export interface Ended {
  readonly kind: "ended";
  readonly at: number;
}
