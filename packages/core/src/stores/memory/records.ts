import type { GrantAnswer } from "../operation.js";

/** Permits that are held. Times are in the store's clock, in whole milliseconds. */
export interface HeldLease {
  readonly lease: string;
  /** The attempt that the lease belongs to: the latest that asked for it or claimed it. */
  attempt: string;
  /** Undefined where it was restored: its first request is not known. */
  fingerprint: string | undefined;
  readonly permits: number;
  readonly fence: number;
  readonly leaseMs: number;
  readonly holder: string;
  readonly grantedAt: number;
  expiresAt: number;
  revoked: boolean;
  /**
   * Another attempt asked for it after it was granted, or it was claimed: an abort that crosses must not end what a
   * caller may hold.
   */
  shared: boolean;
  heapIndex: number;
}

/** An acquire that is queued. */
export interface Waiter {
  readonly lease: string;
  /** The attempt that the place belongs to: the latest that asked for it. */
  attempt: string;
  readonly fingerprint: string;
  readonly permits: number;
  readonly priority: number;
  /** Undefined: what the definition says when the lease is granted. */
  readonly leaseMs: number | undefined;
  readonly holder: string;
  readonly queuedAt: number;
  /** Grows with every arrival; with the priority it names the place for paging. */
  readonly ticket: number;
}

export function grantAnswer({ lease, permits, fence, leaseMs, expiresAt }: HeldLease): GrantAnswer {
  return { answer: "granted", lease, permits, fence, leaseMs, expiresAt };
}
