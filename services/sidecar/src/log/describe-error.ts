/** Deep enough for every error of ours, and an end for causes that go in a circle. */
const MAX_DEPTH = 5;

/** An error as the log shows it. */
export interface DescribedError {
  readonly type: string;
  readonly message: string;
  readonly code?: unknown;
  readonly stack?: string;
  readonly cause?: unknown;
  readonly errors?: readonly unknown[];
}

/**
 * The error with its stack and its causes, and no other property of it: those of a failed Redis command hold its
 * arguments, and so may hold a password.
 */
export function describeError(error: Error, depth = 1): DescribedError {
  const { message, stack, cause } = error;
  const { code, errors } = error as Error & { readonly code?: unknown; readonly errors?: unknown };
  return {
    type: error.constructor?.name ?? "Error",
    message,
    ...(code !== undefined && { code }),
    ...(stack !== undefined && { stack }),
    ...(cause !== undefined && { cause: describeCause(cause, depth) }),
    ...(Array.isArray(errors) && { errors: errors.map((one) => describeCause(one, depth)) }),
  };
}

function describeCause(cause: unknown, depth: number): unknown {
  if (depth >= MAX_DEPTH) return "…";
  return cause instanceof Error ? describeError(cause, depth + 1) : String(cause);
}
