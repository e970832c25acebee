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

/** On whose behalf leases are kept: a session, or a hold. */
export interface Owner {
  /** A lease is kept for it from now on. */
  add(lease: KeptForOwner): void;
  /** The store has confirmed one of its leases for longer. */
  renewed(lease: KeptForOwner): void;
  /** One of its leases is another's from now on, or was released. */
  moved(lease: KeptForOwner): void;
  /** One of its leases has ended, and is kept no more. */
  lost(lease: KeptForOwner, reason: LossReason): void;
}

/** A lease that the sidecar renews for its owner. */
export class KeptForOwner implements KeptLease {
  readonly semaphore: string;
  readonly id: string;
  readonly leaseMs: number;
  /** The attempt that it was granted to or claimed by: what is given back is only what that still owns. */
  readonly attempt: string;
  readonly owner: Owner;
  validUntil: number;
  renewAt = Number.POSITIVE_INFINITY;
  readonly #custody: Custody;

  constructor(custody: Custody, { semaphore, lease, leaseMs, validUntil, attempt }: Entrusted, owner: Owner) {
    this.#custody = custody;
    this.semaphore = semaphore;
    this.id = lease;
    this.leaseMs = leaseMs;
    this.validUntil = validUntil;
    this.attempt = attempt;
    this.owner = owner;
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
      this.#keep({ semaphore, lease, leaseMs, validUntil: result.validUntil, attempt }, owner);
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

  /** The lease was released, or is kept by its holder itself from now on. */
  letGo(semaphore: string, lease: string): void {
    const kept = this.find(semaphore, lease);
    if (kept === undefined) return;
    this.forget(kept);
    kept.owner.moved(kept);
  }

  /**
   * Leaves everything to its time, from now on. Whoever finds that the sidecar does not listen any more believes for as
   * long as the store has confirmed, so that nothing may be given back from then on.
   */
  close(): void {
    this.#closed = true;
    for (const lease of [...this.#leases.values()]) this.forget(lease);
  }

  /** Gives back what its owner left behind, unless it belongs to somebody else by now. Never throws. */
  async giveBack(lease: KeptForOwner): Promise<void> {
    this.forget(lease);
    if (this.#closed) return;
    const { semaphore, id, attempt } = lease;
    try {
      await this.#store.release({ semaphore, lease: id, attempt }, "disconnect");
    } catch (error) {
      this.#log.warn("a lease whose holder is gone was not released; it will lapse", { semaphore, error });
    }
  }

  #keep(entrusted: Entrusted, owner: Owner): void {
    const { semaphore, lease } = entrusted;
    this.letGo(semaphore, lease);
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
