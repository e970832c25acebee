import type { ProblemCode } from "@sluice/client/shapes";

/** What each problem says to whoever meets it. */
export const meanings: Readonly<Record<ProblemCode, string>> = {
  INVALID_ARGUMENT: "something in the request is not what was expected; `errors` names each fault",
  UNAUTHENTICATED: "there is no token, or it is not known",
  FORBIDDEN:
    "the token is for other things, the `Host` is not one that this sidecar answers to, or a page of another origin calls",
  NOT_FOUND: "there is nothing at this path",
  SEMAPHORE_UNKNOWN: "there is no such semaphore, and no `limit` to create it with",
  LEASE_UNKNOWN: "there is no such lease to revoke",
  METHOD_NOT_ALLOWED: "`Allow` says which methods there are",
  SEMAPHORE_IN_USE: "it holds leases and cannot be deleted",
  REQUEST_SUPERSEDED: "a later request with the same `Idempotency-Key` took the place of this one",
  LEASE_LOST: "the lease ended before it was released",
  BODY_TOO_LARGE: "the body is larger than 256 KiB",
  UNSUPPORTED_MEDIA_TYPE: "the body is not `application/json` in UTF-8, or is compressed",
  PERMITS_EXCEED_LIMIT: "more permits were asked for than the limit can ever give",
  REQUEST_REUSED: "this `Idempotency-Key` came with another body before",
  UPGRADE_REQUIRED: "a session is a WebSocket, and this request does not ask for one",
  ACQUIRE_TIMEOUT: "no permit came free within `waitMs`",
  QUEUE_FULL: "as many wait as the semaphore allows",
  TOO_MANY_REQUESTS:
    "this client waits for as much, or has as many sessions, as one may; or callers have made too many semaphores",
  INTERNAL: "a fault of the sidecar; its log says what",
  STORE_INCOMPATIBLE: "the Redis server is too old, or its state is of a newer Sluice",
  STORE_UNAVAILABLE: "the store is away or out of memory, or this sidecar is about to end: ask again",
  ACQUIRE_ABORTED: "the acquire was given up",
  RECOVERING: "the store has restarted; nothing is granted until its leases are claimed or have lapsed",
};
