import {
  InvalidArgumentError,
  RecoveringError,
  SemaphoreUnknownError,
  StoreIncompatibleError,
  StoreUnavailableError,
} from "@sluice/core";
import { Refused } from "./refused.js";
import type { Problem } from "./shapes/problem.js";
import { Unreachable } from "./unreachable.js";

/** The error that the caller of a store gets for what went wrong between it and the sidecar at `url`. */
export function storeError(error: unknown, url: string, semaphore = ""): unknown {
  if (error instanceof Refused) return problemError(error.problem, url, semaphore);
  if (!(error instanceof Unreachable)) return error;
  return new StoreUnavailableError(`the sidecar at ${url} is unavailable: ${error.message}`, {
    cause: error,
  });
}

function problemError(problem: Problem, url: string, semaphore: string): Error {
  switch (problem.code) {
    case "INVALID_ARGUMENT":
      return invalidArgument(problem);
    case "SEMAPHORE_UNKNOWN":
      return new SemaphoreUnknownError(semaphore);
    case "RECOVERING":
      return new RecoveringError(semaphore, problem.retryAfterMs ?? 0);
    case "STORE_INCOMPATIBLE":
      return new StoreIncompatibleError(problem.detail);
    default:
      return new StoreUnavailableError(`the sidecar at ${url} refuses: ${problem.code}, ${problem.detail}`);
  }
}

/** The sidecar has worded it already, with the value that it got. */
function invalidArgument({ errors, detail }: Problem): InvalidArgumentError {
  const error = new InvalidArgumentError(errors?.[0]?.argument ?? "request", "valid", undefined);
  error.message = detail;
  return error;
}
