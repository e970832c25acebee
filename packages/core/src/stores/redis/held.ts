import type { Claim, LossReason } from "../../store.js";
import type { OwnTerms } from "./wire.js";

/** What this process knows of a lease, beside how long it lasts. */
export interface Holding {
  readonly lease: string;
  /** The attempt that it belongs to. */
  readonly attempt: string;
  /** As it was granted. Undefined where another process was granted it, and nobody has told: it cannot be restored. */
  readonly terms: OwnTerms | undefined;
  readonly onLost: Claim["onLost"];
}

interface Held extends Holding {
  terms: OwnTerms | undefined;
  validUntil: number;
}

/** The leases that were granted through this process and were neither released nor lost, as far as it knows. */
export class HeldLeases {
  readonly #leases = new Map<string, Held>();

  get size(): number {
    return this.#leases.size;
  }

  has(lease: string): boolean {
    return this.#leases.has(lease);
  }

  /** A lease that may be believed now. */
  believed(lease: string): Holding | undefined {
    const held = this.#leases.get(lease);
    return held !== undefined && held.validUntil > performance.now() ? held : undefined;
  }

  /** All leases that may be believed now. */
  allBelieved(): Holding[] {
    const now = performance.now();
    return [...this.#leases.values()].filter(({ validUntil }) => validUntil > now);
  }

  add({ lease, attempt, terms, onLost }: Holding, validUntil: number): void {
    this.#leases.set(lease, { lease, attempt, terms, onLost, validUntil });
  }

  /** It was renewed for `leaseMs`. What was believed before is not taken back. */
  extend(lease: string, validUntil: number, leaseMs: number): void {
    const held = this.#leases.get(lease);
    if (held === undefined) return;
    held.validUntil = Math.max(held.validUntil, validUntil);
    if (held.terms !== undefined && held.terms.leaseMs !== leaseMs) held.terms = { ...held.terms, leaseMs };
  }

  /** The lease belongs to a claim from now on. @param ownedAt in the semaphore's clock */
  handOver({ lease, attempt, restore, onLost }: Claim, validUntil: number, ownedAt: number): void {
    const terms = restore ?? this.#leases.get(lease)?.terms;
    const own = terms && { ...terms, ownedAt };
    this.#leases.set(lease, { lease, attempt, terms: own, onLost, validUntil });
  }

  /** Returns until when the lease was believed; -Infinity where it was not held. */
  remove(lease: string): number {
    const held = this.#leases.get(lease);
    this.#leases.delete(lease);
    return held?.validUntil ?? Number.NEGATIVE_INFINITY;
  }

  lose(lease: string, reason: LossReason): void {
    const held = this.#leases.get(lease);
    this.#leases.delete(lease);
    held?.onLost?.(reason);
  }

  /** Forgets leases that ended before `time` without anybody's word. */
  dropBefore(time: number): void {
    for (const [lease, held] of this.#leases) if (held.validUntil < time) this.#leases.delete(lease);
  }
}
