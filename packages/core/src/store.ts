/**
 * The seam between a semaphore and the place where its count lives.
 *
 * Words
 * - semaphore: a named limit shared by all who use the same store
 * - limit: the count, how many permits there are in all; 0 pauses
 * - permits: how many of them one lease holds
 * - lease: permits, held until released or until they lapse; its caller names it before asking for it
 * - attempt: one try to get a lease; a retry of the same acquire is another attempt at the same lease
 * - fence: the fencing token of a lease; within a semaphore a later grant has a higher one
 * - waiter: an acquire that is queued
 * - lapse: a lease ends because nobody renewed it in time
 *
 * Times named `…At` and `validUntil` are absolute, in milliseconds of this process's monotonic clock
 * (`performance.now()`); times named `…Ms` are durations.
 *
 * What the contract leaves out: a store does not validate (the semaphore and the HTTP face do), does not renew
 * by itself (the semaphore's keeper does), and knows no default but the semaphore's own definition.
 */
export interface Store {
  /** The longest lease that this store accepts. */
  readonly maxLeaseMs: number;

  /**
   * Asks for a lease; waits in the queue for at most `request.waitMs`. Asking again for a lease that this caller
   * already holds, or waits for, is the same acquire: it keeps its place or returns the same lease, and belongs to
   * the latest attempt from then on.
   *
   * Acquires of one process on one semaphore are taken in call order.
   *
   * When `signal` aborts, or the wait is over, the waiter leaves the queue, and a grant that crosses is given back.
   *
   * @throws StoreUnavailableError when the store was away at the end of `waitMs`, at once for `waitMs: 0`
   */
  acquire(request: AcquireRequest, signal?: AbortSignal): Promise<AcquireResult>;

  /**
   * Gives a lease back. True when the lease was still held until this call. Rides through a short loss of the
   * connection; the release is still carried out when the store returns.
   *
   * @throws StoreUnavailableError when the store did not answer in time
   */
  release(request: ReleaseRequest): Promise<boolean>;

  /** Extends leases, all in one call. Answers in the order of `renewals`. */
  renew(semaphore: string, renewals: readonly Renewal[]): Promise<RenewResult[]>;

  /**
   * Takes over leases that were granted elsewhere, or before a restart: renews each of them, and from then on it
   * belongs to the claim's attempt, and its losses are told to the claim's `onLost`. A store that recovers also
   * restores the leases that it has lost. Answers in the order of `claims`.
   */
  claim(semaphore: string, claims: readonly Claim[]): Promise<RenewResult[]>;

  /** Creates the semaphore or replaces its whole definition; it stays until it is removed. */
  define(semaphore: string, definition: Definition): Promise<DefineResult>;

  /** Changes the limit alone; the semaphore stays from then on. `unknown` where there is none. */
  resize(semaphore: string, limit: number): Promise<ResizeResult>;

  /** Removes a semaphore that holds no lease. Its waiters ask again, as if they came now. */
  remove(semaphore: string): Promise<"removed" | "in_use" | "unknown">;

  /**
   * Takes a lease away from its holder: the holder is told at once, the lease cannot be renewed, and its permits come
   * back when the holder releases it or when it would have lapsed. False where there is no such lease.
   */
  revoke(semaphore: string, lease: string): Promise<boolean>;

  /** What the semaphore looks like now, or undefined where it does not exist. */
  inspect(semaphore: string, page?: Page): Promise<Snapshot | undefined>;

  /** The semaphores of this store in the order of their names, without leases and waiters. */
  list(page?: Page): Promise<SemaphorePage>;

  /** Resolves when the store answers. @throws StoreUnavailableError */
  ping(): Promise<void>;

  /** Tells `observer` what the store does, for metrics and logs. Returns the function that ends it. */
  observe(observer: StoreObserver): () => void;

  /**
   * Ends the store: waiters fail with STORE_UNAVAILABLE and leave the queue, releases under way are finished,
   * nothing of it keeps the process alive any more. Leases that are still held lapse.
   */
  close(): Promise<void>;
}

/** What a semaphore is, apart from who holds it. */
export interface Definition {
  /** Permits in all; 0 pauses: everyone queues, nobody fails. */
  readonly limit: number;
  /** How long a lease lasts for callers that do not say. */
  readonly leaseMs: number;
  /** How many acquires may be queued. */
  readonly maxWaiters: number;
}

export interface AcquireRequest {
  readonly semaphore: string;
  /** The name of the lease: unguessable, unique within the semaphore; letters, digits, `-` and `_`. */
  readonly lease: string;
  /** Tells the attempts at one lease apart; only the latest one may undo it. Empty: there is no other attempt. */
  readonly attempt: string;
  /** Stands for the body of the request; the same lease with another one is `reused`. */
  readonly fingerprint: string;
  readonly permits: number;
  /** -1000 to 1000, higher first. */
  readonly priority: number;
  /** 0 never queues, Infinity waits without end. */
  readonly waitMs: number;
  /** Undefined: the semaphore's own. */
  readonly leaseMs: number | undefined;
  /** A label shown to operators. */
  readonly holder: string;
  /** Creates the semaphore, in passing, where it does not exist yet. */
  readonly create: Definition | undefined;
  /** Called at most once, when the store learns that the lease ended before its time without being released. */
  readonly onLost?: (reason: LossReason) => void;
  /**
   * Called when a store that renews by itself learns until when the lease is confirmed now. That may be earlier than
   * it was said before, where the store has lost touch with whoever renews it.
   */
  readonly onRenewed?: (validUntil: number) => void;
}

export type LossReason = "lapsed" | "revoked";

export type AcquireResult =
  | Grant
  /** The wait is over (at once for `waitMs: 0`), and the permits were not free. */
  | { readonly outcome: "timeout"; readonly limit: number }
  | { readonly outcome: "aborted" }
  | { readonly outcome: "queue_full"; readonly limit: number; readonly maxWaiters: number }
  | { readonly outcome: "exceeds_limit"; readonly limit: number }
  /** The semaphore does not exist, and the request would not create it. */
  | { readonly outcome: "unknown" }
  /** The lease was asked for before, with another fingerprint. */
  | { readonly outcome: "reused" }
  /** A later attempt at the same lease, made elsewhere, has taken this one's place. */
  | { readonly outcome: "superseded" }
  /** The store has restarted, and leases that it may have lost are still believed. */
  | { readonly outcome: "recovering"; readonly retryAfterMs: number };

export interface Grant {
  readonly outcome: "granted";
  readonly lease: string;
  readonly permits: number;
  readonly fence: number;
  readonly leaseMs: number;
  /** Until when the holder may believe in it, unless renewed. */
  readonly validUntil: number;
  /** The limit that is stored, which may differ from the one asked for. */
  readonly limit: number;
  /**
   * The lease was granted to another attempt before, whose caller may believe in it: whoever undoes this attempt must
   * leave the lease to its time.
   */
  readonly again?: boolean;
}

export interface ReleaseRequest {
  readonly semaphore: string;
  readonly lease: string;
  /** Given: release only what this attempt still owns. */
  readonly attempt?: string;
}

export interface Renewal {
  readonly lease: string;
  /** Undefined: as long as it was granted for. */
  readonly leaseMs?: number | undefined;
}

export interface Claim {
  readonly lease: string;
  /** The attempt that the lease belongs to from now on. */
  readonly attempt: string;
  /** Left out: where the store has lost the lease, it is lost. */
  readonly restore?: Restore | undefined;
  readonly onLost?: AcquireRequest["onLost"];
  readonly onRenewed?: AcquireRequest["onRenewed"];
}

/** A lease as its holder knows it from the grant: what a store that recovers restores it by. */
export interface Restore {
  readonly permits: number;
  readonly fence: number;
  /** As long as it was granted for. */
  readonly leaseMs: number;
  readonly holder: string;
  /** Creates the semaphore, in passing, where the store has lost that too. */
  readonly create: Definition | undefined;
}

export type RenewResult =
  | { readonly lease: string; readonly renewed: true; readonly validUntil: number }
  | { readonly lease: string; readonly renewed: false; readonly reason: LossReason };

export interface DefineResult {
  readonly created: boolean;
  readonly definition: Definition;
  readonly version: number;
}

export type ResizeResult =
  | { readonly outcome: "resized"; readonly definition: Definition; readonly version: number }
  | { readonly outcome: "unknown" };

export interface Page {
  /** At most 1,000; 100 when left out. */
  readonly pageSize?: number | undefined;
  /** Where the page before ended. */
  readonly cursor?: string | undefined;
}

export interface SemaphoreStatus {
  readonly semaphore: string;
  readonly limit: number;
  /** Permits that are held. */
  readonly inUse: number;
  /** Acquires that are queued. */
  readonly waiting: number;
  readonly leaseMs: number;
  readonly maxWaiters: number;
  /** 0 as long as only constructors and acquires have defined it; grows with every change. */
  readonly version: number;
  readonly recovering: boolean;
  /** How long the longest waiter has waited; 0 without waiters. */
  readonly oldestWaiterMs: number;
  /** How long the oldest lease has been held; 0 without leases. */
  readonly oldestLeaseMs: number;
  /** Counted since the semaphore was created, by whoever did it. */
  readonly grantsTotal: number;
  readonly lapsesTotal: number;
  readonly revocationsTotal: number;
}

export interface Snapshot extends SemaphoreStatus {
  readonly leases: readonly LeaseStatus[];
  readonly waiters: readonly WaiterStatus[];
  /** Present where more leases or waiters follow. */
  readonly cursor?: string;
}

export interface LeaseStatus {
  readonly lease: string;
  readonly permits: number;
  readonly fence: number;
  readonly holder: string;
  readonly heldMs: number;
  readonly expiresInMs: number;
}

export interface WaiterStatus {
  readonly permits: number;
  readonly priority: number;
  readonly holder: string;
  readonly waitedMs: number;
}

export interface SemaphorePage {
  readonly semaphores: readonly SemaphoreStatus[];
  readonly cursor?: string;
}

export interface StoreObserver {
  /** One call to the server that carried `operations` operations. */
  roundtrip?(event: { readonly durationMs: number; readonly operations: number }): void;
  /** The connection was lost or is back. */
  availability?(event: { readonly up: boolean; readonly cause?: unknown }): void;
  /**
   * The store has started to recover, because leases that it does not know of may still be believed, and grants
   * nothing for `untilMs`; or it grants again. Told at once to one who begins to observe during a recovery, and once more
   * when that takes longer, as after another restart.
   */
  recovery?(event: { readonly active: boolean; readonly untilMs?: number; readonly cause?: string }): void;
}
