import { z } from "zod";
import { count, limit, maxWaiters, permits } from "./fields.js";

/** Every code of a problem. A code never changes its meaning. */
export const problemCodes = [
  "ACQUIRE_TIMEOUT",
  "ACQUIRE_ABORTED",
  "QUEUE_FULL",
  "LEASE_LOST",
  "LEASE_UNKNOWN",
  "STORE_UNAVAILABLE",
  "STORE_INCOMPATIBLE",
  "RECOVERING",
  "SEMAPHORE_UNKNOWN",
  "SEMAPHORE_IN_USE",
  "PERMITS_EXCEED_LIMIT",
  "INVALID_ARGUMENT",
  "REQUEST_REUSED",
  "REQUEST_SUPERSEDED",
  "UNAUTHENTICATED",
  "FORBIDDEN",
  "NOT_FOUND",
  "METHOD_NOT_ALLOWED",
  "UNSUPPORTED_MEDIA_TYPE",
  "BODY_TOO_LARGE",
  "UPGRADE_REQUIRED",
  "TOO_MANY_REQUESTS",
  "INTERNAL",
] as const;

/** `application/problem+json`, RFC 9457. What follows `code` is there where the code gives it a meaning. */
export const problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  /** What happened this time, for people. */
  detail: z.string(),
  code: z.enum(problemCodes),
  permits: permits.optional(),
  limit: limit.optional(),
  maxWaiters: maxWaiters.optional(),
  waitedMs: count.optional(),
  retryAfterMs: count.optional(),
  /** With INVALID_ARGUMENT: each fault by itself. */
  errors: z.array(z.object({ argument: z.string(), detail: z.string() })).optional(),
  /** With the type `quota-exceeded`: the semaphores that had no permit to give. */
  "violated-policies": z.array(z.string()).optional(),
});

export type ProblemCode = (typeof problemCodes)[number];
export type Problem = z.output<typeof problem>;
