import { bounds } from "@sluice/core";
import { z } from "zod";
import { MAX_RENEWALS, MAX_WAIT_MS } from "../limits.js";
import {
  count,
  exactly,
  holder,
  integer,
  lease,
  leaseMs,
  limit,
  maxWaiters,
  permits,
  priority,
  semaphore,
  text,
} from "./fields.js";

/** The path of what concerns one semaphore. */
export const semaphorePath = exactly({ name: semaphore });

export const leasePath = exactly({ name: semaphore, lease });

/** The query of a call that takes none. */
export const noQuery = exactly({});

const pageSizeRange = `an integer from ${bounds.pageSize.min} to ${bounds.pageSize.max}`;

/** The query of a listing. */
export const pageQuery = exactly({
  pageSize: text(/^\d{1,9}$/, pageSizeRange)
    .transform(Number)
    .pipe(integer(bounds.pageSize))
    .optional(),
  cursor: text(/^[\x21-\x7e]{1,1024}$/, "a cursor that an earlier answer gave").optional(),
});

/** The header `Idempotency-Key`. */
export const idempotencyKey = text(/^[\x21-\x7e]{1,128}$/, "1 to 128 printable ASCII characters, no spaces");

/** PUT: a whole definition; what is left out takes its default. */
export const definitionBody = exactly({
  limit,
  leaseMs: leaseMs.optional(),
  maxWaiters: maxWaiters.optional(),
});

/** PATCH: the limit alone. */
export const resizeBody = exactly({ limit });

/** What an acquire asks for, whichever way it comes. */
export const acquireFields = {
  permits: permits.default(1),
  /** Nobody waits who does not ask for it. */
  waitMs: integer({ min: 0, max: MAX_WAIT_MS }).default(0),
  /** The semaphore's own when left out. */
  leaseMs: leaseMs.optional(),
  priority: priority.default(0),
  /** The caller's address when left out. */
  holder: holder.optional(),
  /** Creates the semaphore where it does not exist. */
  limit: limit.optional(),
  /** What else the semaphore is created with; each part takes its default when left out. */
  create: exactly({ leaseMs: leaseMs.optional(), maxWaiters: maxWaiters.optional() }).optional(),
};

type Creates = { readonly create?: unknown; readonly limit?: unknown };

/** `create` says how, and `limit` that. */
export const createsWithLimit = {
  check: (asked: Creates) => asked.create === undefined || asked.limit !== undefined,
  fault: { path: ["create"], error: "given together with limit" },
};

export const acquireBody = exactly(acquireFields).refine(createsWithLimit.check, createsWithLimit.fault);

/**
 * A lease as its holder knows it: what an acquire answered. With its permits, fence and leaseMs, a store that has lost
 * it in a restart can restore it.
 */
export const claimFields = {
  lease,
  permits: permits.optional(),
  fence: count.optional(),
  leaseMs: leaseMs.optional(),
  holder: holder.optional(),
  limit: limit.optional(),
  /** These two are of the moment of the grant, and not read. */
  expiresInMs: count.optional(),
  waitedMs: count.optional(),
};

const claimedLease = exactly({ ...claimFields, semaphore: semaphore.optional() });

export const releaseBody = exactly({ lease });

export const renewBody = exactly({
  leases: z
    .array(z.union([lease, claimedLease], { error: "a lease id, or a lease as its acquire answered it" }), {
      error: "an array of lease ids",
    })
    .min(1, { error: "at least one lease id" })
    .max(MAX_RENEWALS, { error: `at most ${MAX_RENEWALS} lease ids` }),
  /** As long as each was granted for when left out. */
  leaseMs: leaseMs.optional(),
});

export type DefinitionBody = z.input<typeof definitionBody>;
export type ResizeBody = z.input<typeof resizeBody>;
export type AcquireBody = z.input<typeof acquireBody>;
export type ReleaseBody = z.input<typeof releaseBody>;
export type RenewBody = z.input<typeof renewBody>;
