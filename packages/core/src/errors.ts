/** Every code that a caller can meet. A code never changes its meaning. */
export type SluiceErrorCode =
  | "ACQUIRE_TIMEOUT"
  | "ACQUIRE_ABORTED"
  | "QUEUE_FULL"
  | "LEASE_LOST"
  | "STORE_UNAVAILABLE"
  | "STORE_INCOMPATIBLE"
  | "RECOVERING"
  | "SEMAPHORE_UNKNOWN"
  | "SEMAPHORE_IN_USE"
  | "PERMITS_EXCEED_LIMIT"
  | "INVALID_ARGUMENT";

/** The base of all errors of Sluice; `code` is stable, the message is for people. */
export abstract class SluiceError extends Error {
  abstract readonly code: SluiceErrorCode;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The permits did not become free within `waitMs`. */
export class AcquireTimeoutError extends SluiceError {
  readonly code = "ACQUIRE_TIMEOUT";

  constructor(
    readonly semaphore: string,
    readonly waitMs: number,
    readonly limit: number,
  ) {
    super(`"${semaphore}" had no free permit within ${waitMs} ms (limit ${limit})`);
  }
}

/** The caller's `signal` aborted; its reason is the `cause`. */
export class AcquireAbortedError extends SluiceError {
  readonly code = "ACQUIRE_ABORTED";

  constructor(
    readonly semaphore: string,
    options?: ErrorOptions,
  ) {
    super(`the acquire of "${semaphore}" was aborted`, options);
  }
}

/** As many acquires are queued as the semaphore allows. */
export class QueueFullError extends SluiceError {
  readonly code = "QUEUE_FULL";

  constructor(
    readonly semaphore: string,
    readonly maxWaiters: number,
  ) {
    super(`the queue of "${semaphore}" is full (maxWaiters ${maxWaiters})`);
  }
}

/** The lease ended before it was released; someone else may hold its permits now. */
export class LeaseLostError extends SluiceError {
  readonly code = "LEASE_LOST";

  constructor(
    readonly semaphore: string,
    readonly lease: string,
    readonly reason: "lapsed" | "revoked",
  ) {
    super(
      reason === "revoked"
        ? `a lease of "${semaphore}" was revoked by an operator`
        : `a lease of "${semaphore}" was lost: it could not be renewed in time`,
    );
  }
}

/** The store cannot be reached, or refuses to write. */
export class StoreUnavailableError extends SluiceError {
  readonly code = "STORE_UNAVAILABLE";
}

/** The server is too old, or its state was written by a newer library. */
export class StoreIncompatibleError extends SluiceError {
  readonly code = "STORE_INCOMPATIBLE";
}

/** The store has restarted; grants pause until every lease it may have lost has been claimed or has lapsed. */
export class RecoveringError extends SluiceError {
  readonly code = "RECOVERING";

  constructor(
    readonly semaphore: string,
    readonly retryAfterMs: number,
  ) {
    super(`"${semaphore}" recovers from a restart of its store; grants resume in ${retryAfterMs} ms`);
  }
}

/** The semaphore does not exist, and no limit was given to create it with. */
export class SemaphoreUnknownError extends SluiceError {
  readonly code = "SEMAPHORE_UNKNOWN";

  constructor(readonly semaphore: string) {
    super(`there is no semaphore "${semaphore}"; give a limit to create it`);
  }
}

/** The semaphore holds leases and cannot be removed. */
export class SemaphoreInUseError extends SluiceError {
  readonly code = "SEMAPHORE_IN_USE";

  constructor(readonly semaphore: string) {
    super(`"${semaphore}" still holds leases and cannot be removed`);
  }
}

/** More permits were asked for than the limit can ever give. */
export class PermitsExceedLimitError extends SluiceError {
  readonly code = "PERMITS_EXCEED_LIMIT";

  constructor(
    readonly semaphore: string,
    readonly permits: number,
    readonly limit: number,
  ) {
    super(`${permits} permits of "${semaphore}" were asked for, but its limit is ${limit}`);
  }
}

/** An argument is not what was expected; nothing was done. */
export class InvalidArgumentError extends SluiceError {
  readonly code = "INVALID_ARGUMENT";

  /** The argument's name, as the caller wrote it. */
  readonly argument: string;

  constructor(argument: string, expected: string, received: unknown) {
    super(`${argument} must be ${expected}; got ${describe(received)}`);
    this.argument = argument;
  }
}

function describe(value: unknown): string {
  if (typeof value === "string")
    return value.length > 60 ? `a string of ${value.length} characters` : JSON.stringify(value);
  if (value === null || ["number", "boolean", "undefined", "bigint"].includes(typeof value))
    return String(value);
  return Array.isArray(value) ? "an array" : `a value of type ${typeof value}`;
}
