import type { LossReason } from "../../store.js";

interface Held {
  validUntil: number;
  readonly onLost: ((reason: LossReason) => void) | undefined;
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

  add(lease: string, validUntil: number, onLost: Held["onLost"]): void {
    this.#leases.set(lease, { validUntil, onLost });
  }

  extend(lease: string, validUntil: number): void {
    const held = this.#leases.get(lease);
    if (held !== undefined) held.validUntil = validUntil;
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
