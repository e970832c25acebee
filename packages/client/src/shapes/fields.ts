import { bounds, holderPattern, namePattern, type Range } from "@sluice/core";
import { z } from "zod";

/**
 * The fields that several shapes share. A message of theirs says what was expected, to follow the words "must be".
 */
export const integer = ({ min, max }: Range) => {
  const error = `an integer from ${min} to ${max}`;
  return z.int({ error }).min(min, { error }).max(max, { error });
};

export const text = (pattern: RegExp, error: string) => z.string({ error }).regex(pattern, { error });

/** Strict: an unknown field is an error, so that a misspelt one is not taken for a left-out one. */
export const exactly = <Shape extends z.core.$ZodShape>(shape: Shape) =>
  z.strictObject(shape, { error: (issue) => (issue.code === "invalid_type" ? "a JSON object" : undefined) });

/** A count or a duration in an answer. */
export const count = z.int().min(0);

export const semaphore = text(namePattern, `a name that matches ${namePattern.source}`);
export const lease = text(
  /^[\x21-\x7e]{1,128}$/,
  "a lease id: 1 to 128 printable ASCII characters, no spaces",
);
export const holder = text(holderPattern, "1 to 128 printable characters");
export const permits = integer(bounds.permits);
export const limit = integer(bounds.limit);
export const leaseMs = integer(bounds.leaseMs);
export const maxWaiters = integer(bounds.maxWaiters);
export const priority = integer(bounds.priority);
