import type { LossReason, RenewResult, Store } from "../store.js";

/** A lease is renewed when this part of its time has passed: two more tries fit in before it ends. */
const renewAfter = 1 / 3;
/** What comes due within this part of its time is renewed along with what is due. */
const joinsWithin = 1 / 6;
/** After this part of its time a failed renewal is tried again. */
const retryAfter = 1 / 10;
const minRetryMs = 20;
/** A lease is given up so long before its end: timers fire up to a millisecond late, and then the loop reads first. */
const expiryMarginMs = 2;

/** A lease, as far as its keeper is concerned. */
export interface KeptLease {
  readonly id: string;
  readonly leaseMs: number;
  /** Until when the store has confirmed the lease, by the monotonic clock. */
  validUntil: number;
  /** When to ask for a renewal; Infinity while one is under way. The keeper sets it. */
  renewAt: number;
  /** Called after a renewal has moved `validUntil`. */
  renewed?(): void;
  /** Called when the lease has ended; its keeper must be told to forget it. */
  lose(reason: LossReason): void;
  /** Called after that, where it is the keeper that judged so: the store may hold the lease still. */
  outlived?(): void;
}

/**
 * Keeps the leases of one semaphore: renews them, and says when one is lost. One timer and one call for all.
 *
 * A round looks at every lease, and there is no order to keep up: that makes a lease that is released before its first
 * renewal cost an insertion into a Set and a deletion. A round over 10,000 leases takes about 0.4 ms, and no lease
 * causes one more often than every tenth of its time.
 */
export class Keeper<Kept extends KeptLease = KeptLease> {
  readonly semaphore: string;
  readonly #store: Store;
  readonly #held = new Set<Kept>();
  #timer: NodeJS.Timeout | undefined;
  /** When the next round starts; Infinity when none is planned. */
  #roundAt = Number.POSITIVE_INFINITY;

  constructor(store: Store, semaphore: string) {
    this.#store = store;
    this.semaphore = semaphore;
  }

  /** How many leases it keeps. */
  get size(): number {
    return this.#held.size;
  }

  /** Keeps a lease from now on, until it is forgotten. */
  keep(lease: Kept): void {
    lease.renewAt = dueAt(lease.validUntil, lease.leaseMs);
    this.#held.add(lease);
    this.#planRound(nextLookAt(lease));
  }

  /**
   * The store says by itself until when the lease is confirmed now: longer than before where it has renewed it, and
   * shorter where it cannot vouch for it any more.
   */
  confirm(lease: Kept, validUntil: number): void {
    lease.validUntil = validUntil;
    // A renewal that is under way sets it by its answer.
    if (lease.renewAt !== Number.POSITIVE_INFINITY) lease.renewAt = dueAt(validUntil, lease.leaseMs);
    this.#planRound(nextLookAt(lease));
  }

  /** Gives the lease back, also a lost one: a revoked lease keeps its permits until its holder lets go. */
  release(lease: Kept): Promise<boolean> {
    this.forget(lease);
    return this.#store.release({ semaphore: this.semaphore, lease: lease.id });
  }

  forget(lease: Kept): void {
    this.#held.delete(lease);
  }

  #planNextRound(): void {
    let at = Number.POSITIVE_INFINITY;
    for (const lease of this.#held) at = Math.min(at, nextLookAt(lease));
    this.#planRound(at);
  }

  #planRound(at: number): void {
    if (at >= this.#roundAt) return;
    this.#roundAt = at;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#startRound, Math.max(at - performance.now(), 1)).unref();
  }

  /**
   * After a blocked loop the timer fires before the answers that have arrived meanwhile are read. They come first:
   * one of them may have prolonged a lease that looks lost.
   */
  readonly #startRound = (): void => {
    setImmediate(this.#round);
  };

  readonly #round = (): void => {
    this.#roundAt = Number.POSITIVE_INFINITY;
    const now = performance.now();
    const joining: Kept[] = [];
    let someAreDue = false;
    for (const lease of this.#held) {
      if (lease.validUntil - expiryMarginMs <= now) {
        lease.lose("lapsed");
        lease.outlived?.();
      } else if (lease.renewAt - lease.leaseMs * joinsWithin <= now) {
        joining.push(lease);
        someAreDue ||= lease.renewAt <= now;
      }
    }
    if (someAreDue) void this.#renew(joining);
    this.#planNextRound();
  };

  async #renew(leases: readonly Kept[]): Promise<void> {
    for (const lease of leases) lease.renewAt = Number.POSITIVE_INFINITY;
    let results: readonly RenewResult[] = [];
    try {
      results = await this.#store.renew(
        this.semaphore,
        leases.map(({ id }) => ({ lease: id })),
      );
    } catch {
      // The store is away; every lease is tried again, for as long as it lasts.
    }
    const now = performance.now();
    leases.forEach((lease, index) => {
      if (this.#held.has(lease)) this.#settle(lease, results[index], now);
    });
  }

  #settle(lease: Kept, result: RenewResult | undefined, now: number): void {
    if (result?.renewed === false) {
      lease.lose(result.reason);
      return;
    }
    const retryAt = now + Math.max(lease.leaseMs * retryAfter, minRetryMs);
    if (result === undefined) {
      lease.renewAt = retryAt;
    } else {
      lease.validUntil = result.validUntil;
      // A store that answers slowly is not asked again at once.
      lease.renewAt = Math.max(dueAt(result.validUntil, lease.leaseMs), retryAt);
      lease.renewed?.();
    }
    this.#planRound(nextLookAt(lease));
  }
}

function dueAt(validUntil: number, leaseMs: number): number {
  return validUntil - leaseMs * (1 - renewAfter);
}

function nextLookAt(lease: KeptLease): number {
  return Math.min(lease.renewAt, lease.validUntil - expiryMarginMs);
}
