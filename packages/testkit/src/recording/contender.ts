/** A semaphore as the recorded worker uses it: Sluice's, or a peer's. A module exports a function that opens one. */
export interface Contender {
  /** @throws Error with a `code`, see `outcomeOf` */
  acquire(want: Want): Promise<Holding>;
  /** What an error of `acquire` or `release` says: `failed` leaves nothing behind, `unknown` may still be carried out. */
  outcomeOf(error: unknown): { readonly outcome: "failed" | "unknown"; readonly code: string };
  /** The holders of those that queue, as far as they can be seen. */
  waiters?(): Promise<readonly string[]>;
  close(): Promise<void>;
}

export interface Want {
  readonly permits: number;
  readonly priority: number;
  /** Undefined: waits without end. */
  readonly waitMs: number | undefined;
  /** A label for operators, unique for each acquire: `worker-2#17`. */
  readonly holder: string;
  /** Ends the wait. */
  readonly signal: AbortSignal;
}

/** A lease in hand. */
export interface Holding {
  readonly lease: string;
  readonly fence: number | undefined;
  /** The end of its validity now, on the host's clock; never too late. */
  readonly until: number;
  /** Aborts when it is lost. */
  readonly signal: AbortSignal;
  release(): Promise<boolean>;
}

/** What is opened: which semaphore, as whom, and what else the module wants to know. */
export interface Opening<Settings = unknown> {
  readonly process: string;
  readonly semaphore: string;
  readonly limit: number | undefined;
  readonly leaseMs: number | undefined;
  readonly settings: Settings;
  /** To be called when a lease that was granted is valid until another moment, on the host's clock. */
  readonly kept: (lease: string, until: number) => void;
}

/** What a contender's module exports as `open`. */
export type Open<Settings = unknown> = (opening: Opening<Settings>) => Promise<Contender>;
