import { z } from "zod";
import { count, lease, leaseMs, limit, maxWaiters, permits, priority, semaphore } from "./fields.js";

/** Answers are open: a later release may add fields, which a client of this one leaves alone. */
export const acquireAnswer = z.object({
  lease,
  semaphore,
  permits,
  fence: count,
  leaseMs,
  /** How long the lease lasts unless renewed, from the moment of this answer. */
  expiresInMs: count,
  /** From the arrival of the request to this answer. */
  waitedMs: count,
  /** The limit that is stored, which may differ from the one asked for. */
  limit,
});

export const releaseAnswer = z.object({
  /** False when the lease had ended before. */
  released: z.boolean(),
});

const renewed = z.object({ lease, renewed: z.literal(true), expiresInMs: count });

const lost = z.object({
  lease,
  renewed: z.literal(false),
  expiresInMs: z.literal(0),
  reason: z.enum(["lapsed", "revoked"]),
});

/** In the order of the request. */
export const renewAnswer = z.object({ leases: z.array(z.discriminatedUnion("renewed", [renewed, lost])) });

export const statusAnswer = z.object({
  semaphore,
  limit,
  inUse: count,
  waiting: count,
  leaseMs,
  maxWaiters,
  version: count,
  recovering: z.boolean(),
  oldestWaiterMs: count,
  oldestLeaseMs: count,
  grantsTotal: count,
  lapsesTotal: count,
  revocationsTotal: count,
});

const heldLease = z.object({
  /** For callers that may operate: whoever knows it can release the lease. */
  lease: lease.optional(),
  permits,
  fence: count,
  holder: z.string(),
  heldMs: count,
  expiresInMs: count,
});

const waiter = z.object({ permits, priority, holder: z.string(), waitedMs: count });

/** Present where more follows. */
const cursor = z.string().optional();

export const snapshotAnswer = statusAnswer.extend({
  leases: z.array(heldLease),
  waiters: z.array(waiter),
  cursor,
});

export const listAnswer = z.object({ semaphores: z.array(statusAnswer), cursor });

const detail = z.string().optional();

/** Whether the sidecar can be sent work to, and how each of its parts is. */
export const readinessAnswer = z.object({
  status: z.enum(["ready", "draining", "unavailable"]),
  components: z.object({
    store: z.object({ status: z.enum(["up", "down"]), detail }),
    /** Where a file declares semaphores. */
    config: z.object({ status: z.enum(["applied", "pending", "outdated"]), detail }).optional(),
    /** Active while the store grants nothing because it may have lost leases; the sidecar is ready all the same. */
    recovery: z.object({ status: z.enum(["idle", "active"]), detail }),
    drain: z.object({ status: z.enum(["idle", "active"]), detail }),
  }),
});

export type AcquireAnswer = z.output<typeof acquireAnswer>;
export type ReleaseAnswer = z.output<typeof releaseAnswer>;
export type RenewAnswer = z.output<typeof renewAnswer>;
export type StatusAnswer = z.output<typeof statusAnswer>;
export type SnapshotAnswer = z.output<typeof snapshotAnswer>;
export type ListAnswer = z.output<typeof listAnswer>;
export type ReadinessAnswer = z.output<typeof readinessAnswer>;
