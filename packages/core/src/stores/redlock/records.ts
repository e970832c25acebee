import type { Definition } from "../../store.js";

/** What a master keeps in every slot of a lease, as JSON; the scripts read the fields that begin it. */
export interface LeaseRecord {
  readonly lease: string;
  /** Of one attempt to take the slots, or to take the lease over: a late release frees nothing but its own. */
  readonly nonce: string;
  readonly fence: number;
  /** Grows whenever the lease goes to another attempt. */
  readonly turn: number;
  /** The definition by which the lease was granted. */
  readonly revision: number;
  readonly author: string;
  readonly attempt: string;
  /** Left out where the lease was restored: the first request is not known any more. */
  readonly fingerprint?: string | undefined;
  readonly permits: number;
  readonly leaseMs: number;
  readonly holder: string;
  /** By the masters' clock. */
  readonly grantedAt: number;
}

/** A lease and the slots that it has. */
export interface Slotted {
  readonly record: LeaseRecord;
  readonly slots: readonly number[];
}

/**
 * A definition as a register of the quorum: the one with the highest revision rules, and of two that were written at
 * once the one whose author's name is the higher.
 */
export interface StoredDefinition extends Definition {
  readonly revision: number;
  readonly author: string;
  /** The revision with which the semaphore began: what was counted in an earlier life does not count. */
  readonly life: number;
  readonly version: number;
  readonly removed: boolean;
}

export function isNewer(one: StoredDefinition, other: StoredDefinition | undefined): boolean {
  if (other === undefined || one.revision !== other.revision) return one.revision > (other?.revision ?? 0);
  return one.author > other.author;
}

/** A queued acquire as the masters keep it. */
export interface WaiterRecord {
  readonly process: string;
  readonly attempt: string;
  readonly permits: number;
  readonly priority: number;
  readonly holder: string;
  /** By the masters' clock. */
  readonly since: number;
}
