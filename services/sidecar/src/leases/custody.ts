import {
  type Claim,
  type Grant,
  Keeper,
  type KeptLease,
  type LossReason,
  type RenewResult,
} from "@sluice/core";
import type { MeteredStore } from "@sluice/core/prometheus";
import type { Log } from "../log.js";
import { LOOPBACK_GRACE_MS } from "./grace.js";

/** On whose behalf leases are kept: a session, or a hold. */
export interface Owner {
  /** A lease is kept for it from now on. */
  add(lease: KeptForOwner): void;
  /** The store has confirmed one of its leases for longer. */
  renewed(lease: KeptForOwner): void;
  /** It has released one of its leases, or was granted it once more. */
  dropped(lease: KeptForOwner): void;
  /** One of its leases has ended, or is another's from now on, without its own doing. */
  lost(lease: KeptForOwner, reason: LossReason): void;
}

/** How a connection has ended without a word. */
export interface Departure {
  /** Whether one kernel has carried it, and has told both ends. */
  readonly isLoopback: boolean;
  /** Whether the sidecar has ended it. */
  readonly wasCut: boolean;
  /** For how long the other end had certainly been told nothing. */
  readonly silentMs: number;
}

/** A lease that the sidecar renews for its owner. */
export class KeptForOwner implements KeptLease {
  readonly semaphore: string;
  readonly id: string;
  readonly leaseMs: number;
  /** The attempt that it was granted to or claimed by: what is given back is only what that still owns. */
  readonly attempt: string;
  readonly owner: Owner;
  /**
   * It was granted or claimed before, elsewhere: on a slow way this may be an old request for it, whose client has long
   * found another way to it, and believes.
   */
  readonly again: boolean;
  /** Until when somebody was told that it is valid who is not its owner. */
  promisedUntil = 0;
  validUntil: number;
  renewAt = Number.POSITIVE_INFINITY;
  readonly #custody: Custody;

  constructor(custody: Custody, entrusted: Entrusted, owner: Owner) {
    const { semaphore, lease, leaseMs, validUntil, attempt, again = false } = entrusted;
    this.#custody = custody;
    this.semaphore = semaphore;
    this.id = lease;
    this.leaseMs = leaseMs;
    this.validUntil = validUntil;
    this.attempt = attempt;
    this.owner = owner;
    this.again = again;
  }

  renewed(): void {
    this.owner.renewed(this);
  }

  lose(reason: LossReason): void {
    this.#custody.forget(this);
    this.owner.lost(this, reason);
  }
}

interface Entrusted {
  readonly semaphore: string;
  readonly lease: string;
  readonly leaseMs: number;
  readonly validUntil: number;
  readonly attempt: string;
  readonly again?: boolean;
}

/**
 * The leases that the sidecar renews for those who hold them by a connection. One keeper a semaphore, whatever the
 * number of connections: their renewals go to the store together.
 */
export class Custody {
  readonly #store: MeteredStore;
  readonly #log: Log;
  readonly #keepers = new Map<string, Keeper<KeptForOwner>>();
  readonly #leases = new Map<string, KeptForOwner>();
  #closed = false;

  constructor(store: MeteredStore, log: Log) {
    this.#store = store;
    this.#log = log;
  }

  /** How many leases are kept. */
  get size(): number {
    return this.#leases.size;
  }

  find(semaphore: string, lease: string): KeptForOwner | undefined {
    return this.#leases.get(keyOf(semaphore, lease));
  }

  /** Keeps a lease for `owner` from now on, and no more for whoever had it before. */
  take(semaphore: string, grant: Grant, attempt: string, owner: Owner): void {
    this.#keep({ ...grant, semaphore, attempt }, owner);
  }

  /** What the store answers to `claims`; what it grants is kept for `owner` from then on. */
  async claim(semaphore: string, claims: readonly Claim[], owner: Owner): Promise<RenewResult[]> {
    const told = claims.map((claim): Claim => ({ ...claim, onLost: this.listener(semaphore, claim.lease) }));
    const askedAt = performance.now();
    const results = await this.#store.claim(semaphore, told);
    claims.forEach(({ lease, attempt, restore }, index) => {
      const result = results[index];
      if (!result?.renewed) return;
      // As long as it was granted for, which a claim need not tell: what it was renewed for is about that.
      const leaseMs = restore?.leaseMs ?? Math.max(1, Math.round(result.validUntil - askedAt));
      const { validUntil } = result;
      this.#keep({ semaphore, lease, leaseMs, validUntil, attempt, again: true }, owner);
    });
    return results;
  }

  /** For the store, which may learn of a loss before the next renewal does. */
  listener(semaphore: string, lease: string): (reason: LossReason) => void {
    return (reason) => this.find(semaphore, lease)?.lose(reason);
  }

  /** Stops to renew a lease, which is left to its time. */
  forget(lease: KeptForOwner): void {
    const key = keyOf(lease.semaphore, lease.id);
    if (this.#leases.get(key) === lease) this.#leases.delete(key);
    const keeper = this.#keepers.get(lease.semaphore);
    keeper?.forget(lease);
    if (keeper?.size === 0) this.#keepers.delete(lease.semaphore);
  }

  /**
   * The lease was released, or somebody else keeps it from now on.
   *
   * @param by whose doing that is, where it is one of ours; any other owner is told that it has lost the lease
   */
  letGo(semaphore: string, lease: string, by?: Owner): void {
    const kept = this.find(semaphore, lease);
    if (kept === undefined) return;
    this.forget(kept);
    if (kept.owner === by) by.dropped(kept);
    else kept.owner.lost(kept, "lapsed");
  }

  /** As `promised`, before the store is asked: its answer may be on its way when the lease would be given back. */
  promising(semaphore: string, lease: string, leaseMs?: number): void {
    const kept = this.find(semaphore, lease);
    if (kept !== undefined) this.promised(semaphore, lease, performance.now() + (leaseMs ?? kept.leaseMs));
  }

  /** Somebody has renewed the lease by its name, and may believe in it until then, whatever becomes of its owner. */
  promised(semaphore: string, lease: string, until: number): void {
    const kept = this.find(semaphore, lease);
    if (kept !== undefined) kept.promisedUntil = Math.max(kept.promisedUntil, until);
  }

  /**
   * Leaves everything to its time, from now on. Whoever finds that the sidecar does not listen any more believes for as
   * long as the store has confirmed, so that nothing may be given back from then on.
   */
  close(): void {
    this.#closed = true;
    for (const lease of [...this.#leases.values()]) this.forget(lease);
  }

  /**
   * Its owner's connection has ended without a word: the lease is kept for as long as its client may believe in it, and
   * may be claimed until then.
   */
  leave(lease: KeptForOwner, { isLoopback, wasCut, silentMs }: Departure): void {
    if (lease.again && !isLoopback) {
      // Left to its time, which is no longer: to give it back could end what its client holds elsewhere.
      this.forget(lease);
      return;
    }
    // Whatever its client was told, it ends no later than after a lease: the store confirms nothing for longer.
    const graceMs = isLoopback && !wasCut ? 0 : lease.leaseMs - silentMs;
    this.#giveBackAfter(lease, Math.max(graceMs, LOOPBACK_GRACE_MS));
  }

  /** Somebody may be told meanwhile, over HTTP, that it lasts for longer. */
  #giveBackAfter(lease: KeptForOwner, ms: number): void {
    const giveBack = () => {
      const promisedMs = lease.promisedUntil - performance.now();
      if (promisedMs > 0) this.#giveBackAfter(lease, promisedMs);
      else void this.giveBack(lease);
    };
    setTimeout(giveBack, ms).unref();
  }

  /** Gives back what its owner left behind, unless it has ended or is somebody else's by now. Never throws. */
  async giveBack(lease: KeptForOwner): Promise<void> {
    const { semaphore, id, attempt } = lease;
    if (this.find(semaphore, id) !== lease) return;
    this.forget(lease);
    try {
      await this.#store.release({ semaphore, lease: id, attempt }, "disconnect");
    } catch (error) {
      this.#log.warn("a lease whose holder is gone was not released; it will lapse", { semaphore, error });
    }
  }

  #keep(entrusted: Entrusted, owner: Owner): void {
    const { semaphore, lease } = entrusted;
    this.letGo(semaphore, lease, owner);
    if (this.#closed) return;
    const kept = new KeptForOwner(this, entrusted, owner);
    this.#leases.set(keyOf(semaphore, lease), kept);
    this.#keeperOf(semaphore).keep(kept);
    owner.add(kept);
  }

  #keeperOf(semaphore: string): Keeper<KeptForOwner> {
    const keeper = this.#keepers.get(semaphore) ?? new Keeper(this.#store, semaphore);
    this.#keepers.set(semaphore, keeper);
    return keeper;
  }
}

/** Neither a name nor an id has a space in it. */
function keyOf(semaphore: string, lease: string): string {
  return `${semaphore} ${lease}`;
}
