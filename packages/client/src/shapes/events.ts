import { z } from "zod";
import { statusAnswer } from "./answers.js";
import { count, semaphore } from "./fields.js";
import type { AcquiredAnswer } from "./session.js";

/** The events of `GET /v1/events`, by their names: what `data` holds, as JSON. */
export const feedEvents = {
  /** Before all others: who listens, so that a page knows what it may offer. The stream ends when that gets less. */
  caller: z.object({
    /** What the caller's token is called; its address where no token is configured. */
    name: z.string(),
    /** What it may do; `operate` comes with the other two. */
    scopes: z.array(z.enum(["use", "read", "operate"])),
  }),
  /** Next, once the store has answered: every semaphore. */
  semaphores: z.object({ semaphores: z.array(statusAnswer) }),
  /** Semaphores that are new, or of which more has changed than the ages of leases and waiters. */
  changed: z.object({ semaphores: z.array(statusAnswer) }),
  /** Semaphores that are gone. */
  removed: z.object({ names: z.array(semaphore) }),
  /** The store is away, or is back. While it is away nothing else is told. */
  store: z.object({ up: z.boolean(), detail: z.string().optional() }),
  /** The store may have lost leases and grants nothing until they are claimed or have lapsed; or it grants again. */
  recovery: z.object({
    active: z.boolean(),
    /** In how many milliseconds it grants again at the latest; left out where the sidecar has not heard of it yet. */
    untilMs: count.optional(),
    cause: z.string().optional(),
  }),
  /** The sidecar is about to end: it grants nothing any more, and this stream ends with it. */
  draining: z.object({}),
} as const;

/** A line of `POST …/hold` after the first one, which is the lease. */
export const holdLine = z.union([
  /** The store has confirmed the lease for so long from `at`, on the sidecar's clock. */
  z.object({ validForMs: count, at: count }),
  /** The last line: the lease has ended before its connection. */
  z.object({ lost: z.enum(["lapsed", "revoked"]) }),
]);

export type FeedEvents = { readonly [Name in keyof typeof feedEvents]: z.output<(typeof feedEvents)[Name]> };

export type HoldLine = AcquiredAnswer | z.output<typeof holdLine>;
