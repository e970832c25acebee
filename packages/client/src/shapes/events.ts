import { z } from "zod";
import { statusAnswer } from "./answers.js";
import { count, semaphore } from "./fields.js";
import type { AcquiredAnswer } from "./session.js";

/** The events of `GET /v1/events`, by their names: what `data` holds, as JSON. */
export const feedEvents = {
  /** The first one: every semaphore. */
  semaphores: z.object({ semaphores: z.array(statusAnswer) }),
  /** Semaphores that are new, or of which more has changed than the ages of leases and waiters. */
  changed: z.object({ semaphores: z.array(statusAnswer) }),
  /** Semaphores that are gone. */
  removed: z.object({ names: z.array(semaphore) }),
  /** The store is away, or is back. While it is away nothing else is told. */
  store: z.object({ up: z.boolean(), detail: z.string().optional() }),
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
