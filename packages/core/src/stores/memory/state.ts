import type { StoreUnavailableError } from "../../errors.js";
import type { Permanent } from "./ledger.js";

/** What a change of a definition leaves to be remembered. */
export interface Intent {
  readonly semaphore: string;
  /** Undefined: nothing. */
  readonly permanent: Permanent | undefined;
  /** It gives out no lease that lasts longer. */
  readonly longestLeaseMs: number;
}

/**
 * What of a memory store outlives its process. Nothing is granted or answered that the state has not promised to
 * remember before.
 */
export interface State {
  /** Definitions from before this process, and those that it has made. */
  readonly definitions: ReadonlyMap<string, Permanent>;
  /** Why nothing can be written; undefined as long as nobody has found that it cannot. */
  readonly failure: StoreUnavailableError | undefined;
  /** When the next write is tried while one has failed, by `performance.now()`. */
  readonly retryAt: number;

  /** Told whenever writing starts to fail, and when it works again. */
  onAvailability(listener: (event: { readonly up: boolean; readonly cause?: unknown }) => void): void;

  /** False where no fence as high may be given out now, because that could not be written. */
  coverFence(fence: number): boolean;

  /** Allows leases that last as long. @throws StoreUnavailableError */
  coverLease(leaseMs: number): void;

  /** Remembers all of it by one write. @throws StoreUnavailableError when all is as it was */
  keep(intents: readonly Intent[]): void;

  /** Whether nothing would have to be written for it. */
  remembers(intent: Intent): boolean;

  /** Tries again what has failed, unless that was a moment ago. @throws StoreUnavailableError when it fails still */
  check(): void;

  /** Ends the use. @param clean no lease is held that somebody may believe in */
  close(clean: boolean): Promise<void>;
}
