import type { Claim, LossReason } from "../../store.js";
import type { Slotted } from "./records.js";

type LossListener = NonNullable<Claim["onLost"]>;

/** A lease that this process was granted, or has claimed. */
export interface Holding extends Slotted {
  validUntil: number;
  readonly listeners: readonly LossListener[];
}

/** The leases of one semaphore that this process holds, and who is told when one is lost. */
export class Holdings {
  readonly #held = new Map<string, Holding>();

  get(lease: string): Holding | undefined {
    return this.#held.get(lease);
  }

  values(): IterableIterator<Holding> {
    return this.#held.values();
  }

  /** Whether anybody wants to hear of a loss. */
  get watched(): boolean {
    for (const { listeners } of this.#held.values()) if (listeners.length > 0) return true;
    return false;
  }

  get size(): number {
    return this.#held.size;
  }

  add(slotted: Slotted, validUntil: number, listeners: readonly (LossListener | undefined)[]): void {
    const { lease } = slotted.record;
    const all = [
      ...(this.#held.get(lease)?.listeners ?? []),
      ...listeners.filter((one) => one !== undefined),
    ];
    const earlier = this.#held.get(lease)?.validUntil ?? 0;
    const until = Math.max(earlier, validUntil);
    this.#held.set(lease, { ...slotted, validUntil: until, listeners: all });
  }

  /** Released, or not of this process any more: nobody is told. */
  drop(lease: string): void {
    this.#held.delete(lease);
  }

  /** Leases that nobody has renewed are nobody's business any more. */
  dropLapsed(): void {
    const now = performance.now();
    for (const [lease, { validUntil }] of this.#held) if (validUntil < now) this.#held.delete(lease);
  }

  /** In a microtask of its own, so that a listener can neither reenter the store nor keep others from being told. */
  lose(lease: string, reason: LossReason): void {
    const { listeners = [] } = this.#held.get(lease) ?? {};
    this.#held.delete(lease);
    for (const onLost of listeners) queueMicrotask(() => onLost(reason));
  }
}
