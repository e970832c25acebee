import type { ProblemCode } from "@sluice/client/shapes";

/** What can keep the store from answering. */
export const storeProblems = [
  "STORE_UNAVAILABLE",
  "STORE_INCOMPATIBLE",
  "INTERNAL",
] as const satisfies readonly ProblemCode[];

/** What can keep the store from granting, with what keeps a caller from it. */
export const grantProblems = [
  "SEMAPHORE_UNKNOWN",
  "PERMITS_EXCEED_LIMIT",
  "ACQUIRE_TIMEOUT",
  "QUEUE_FULL",
  "TOO_MANY_REQUESTS",
  "REQUEST_REUSED",
  "REQUEST_SUPERSEDED",
  "RECOVERING",
  ...storeProblems,
] as const satisfies readonly ProblemCode[];
