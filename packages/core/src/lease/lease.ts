import { LeaseLostError } from "../errors.js";
import type { Grant, LossReason } from "../store.js";
import type { Keeper, KeptLease } from "./keeper.js";

/** Permits that are held until they are released or lost. Renewed by itself in between. */
export interface Lease {
  /** Unguessable; unique within the semaphore. */
  readonly id: string;
  readonly permits: number;
  /** The fencing token: within a semaphore a later grant has a higher one. */
  readonly fence: number;

  /** For how long the permits are certainly held, unless renewed; 0 or less when the lease is over. */
  readonly remainingMs: number;

  /**
   * Aborts with a LeaseLostError no later than the moment after which someone else may hold the permits, by this
   * process's monotonic clock; in a process that was stopped or blocked, in the first turn of its loop. Loss is told
   * nowhere else: hand the signal to the work that must not go on without the permits. A release does not abort it.
   */
  readonly signal: AbortSignal;

  /**
   * Gives the permits back. True when this call did so, also where an operator had revoked the lease; false when the
   * lease had lapsed before. A second call returns the first one's promise.
   *
   * @throws StoreUnavailableError when the store did not answer in time; the permits come back all the same
   */
  release(): Promise<boolean>;

  /** Releases at the end of an `await using` block, and leaves a failure to the end of the lease's time. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** A lease together with what its keeper knows of it. */
export class HeldLease implements Lease, KeptLease {
  readonly id: string;
  readonly permits: number;
  readonly fence: number;
  readonly leaseMs: number;
  validUntil: number;
  renewAt = Number.POSITIVE_INFINITY;

  readonly #keeper: Keeper<HeldLease>;
  #lost: LossReason | undefined;
  #releasing: Promise<boolean> | undefined;
  /** Made when somebody reads `signal`: it would be most of the cost of a lease that nobody watches. */
  #loss: AbortController | undefined;

  constructor(keeper: Keeper<HeldLease>, grant: Grant) {
    this.#keeper = keeper;
    this.id = grant.lease;
    this.permits = grant.permits;
    this.fence = grant.fence;
    this.leaseMs = grant.leaseMs;
    this.validUntil = grant.validUntil;
    keeper.keep(this);
  }

  get remainingMs(): number {
    const over = this.#lost !== undefined || this.#releasing !== undefined;
    return over ? 0 : this.validUntil - performance.now();
  }

  get signal(): AbortSignal {
    if (this.#loss === undefined) {
      this.#loss = new AbortController();
      if (this.#lost !== undefined) this.#abort(this.#lost);
    }
    return this.#loss.signal;
  }

  release(): Promise<boolean> {
    this.#releasing ??= this.#keeper.release(this);
    return this.#releasing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release().catch(() => undefined);
  }

  /** The store says by itself until when the lease is confirmed now. */
  confirm(validUntil: number): void {
    if (this.#lost === undefined && this.#releasing === undefined) this.#keeper.confirm(this, validUntil);
  }

  /** Ends the lease for good, unless it is over already. */
  lose(reason: LossReason): void {
    if (this.#lost !== undefined || this.#releasing !== undefined) return;
    this.#lost = reason;
    this.#keeper.forget(this);
    this.#abort(reason);
  }

  /** A store that renews by itself would do so for ever, if nobody told it that the lease is not believed any more. */
  outlived(): void {
    // What cannot be given back lapses.
    this.#keeper.release(this).catch(() => {});
  }

  #abort(reason: LossReason): void {
    this.#loss?.abort(new LeaseLostError(this.#keeper.semaphore, this.id, reason));
  }
}
