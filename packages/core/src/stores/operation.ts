import type { Definition, LossReason, Restore } from "../store.js";

/**
 * What a store does to one semaphore, as data: the common language of the ledger in memory and of the script in Redis.
 * Both take a list of operations in one call and answer each; `docs/protocol.md` has the rules.
 */
export type Operation =
  | AcquireOperation
  | { readonly op: "cancel"; readonly lease: string; readonly attempt: string }
  | { readonly op: "release"; readonly lease: string; readonly attempt: string | undefined }
  | { readonly op: "renew"; readonly lease: string; readonly leaseMs: number | undefined }
  | ClaimOperation
  | DefiningOperation
  | { readonly op: "revoke"; readonly lease: string };

/** What changes a definition, or ends it. */
export type DefiningOperation =
  | { readonly op: "define"; readonly definition: Definition }
  | { readonly op: "resize"; readonly limit: number }
  | { readonly op: "remove" };

export interface AcquireOperation {
  readonly op: "acquire";
  readonly lease: string;
  readonly attempt: string;
  readonly fingerprint: string;
  readonly permits: number;
  readonly priority: number;
  readonly leaseMs: number | undefined;
  readonly holder: string;
  /** Whether to wait in the queue. */
  readonly queue: boolean;
  readonly create: Definition | undefined;
}

export interface ClaimOperation {
  readonly op: "claim";
  readonly lease: string;
  readonly attempt: string;
  /** Given: a ledger that recovers restores the lease by it, where it does not know the lease. */
  readonly restore: Restore | undefined;
}

/** The answer to each operation; times are in the store's clock. */
export type Answer =
  | GrantAnswer
  | { readonly answer: "queued" | "timeout" | "queue_full" | "exceeds_limit" | "unknown" | "reused" }
  /** Nothing is granted to anybody now, and the acquire does not wait. */
  | { readonly answer: "withheld" }
  | { readonly answer: "cancelled" | "released"; readonly found: boolean }
  | { readonly answer: "renewed"; readonly expiresAt: number }
  | { readonly answer: "lost"; readonly reason: LossReason }
  | { readonly answer: "defined"; readonly created: boolean }
  | { readonly answer: "resized" }
  | { readonly answer: "revoked"; readonly found: boolean }
  | { readonly answer: "removed" | "in_use" };

export interface GrantAnswer {
  readonly answer: "granted";
  readonly lease: string;
  readonly permits: number;
  readonly fence: number;
  readonly leaseMs: number;
  readonly expiresAt: number;
  /** It was granted to another attempt before. */
  readonly again?: boolean;
}

/** What happened to waiters and holders who did not call, told to those whom it concerns. */
export type Notice =
  | GrantAnswer
  | { readonly answer: "exceeds_limit"; readonly lease: string }
  | { readonly answer: "revoked"; readonly lease: string }
  /** The semaphore was removed while this acquire was queued. */
  | { readonly answer: "removed"; readonly lease: string };
