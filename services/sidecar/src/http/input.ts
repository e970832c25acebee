import { InvalidArgumentError } from "@sluice/core";
import express, { type RequestHandler } from "express";
import type { z } from "zod";
import { HttpProblem } from "./problem.js";

/** Holds a renewal of 1,000 leases with the longest ids. */
export const MAX_BODY_BYTES = 256 * 1_024;

/** Faults that one answer lists. */
const MAX_FAULTS = 10;

type Issue = z.core.$ZodIssue;

/**
 * Reads a JSON body, and nothing else: a body that says it is something else is refused, and so is one that does not
 * say what it is, which any web page could send.
 */
export const jsonBody: RequestHandler[] = [
  (request, _response, next) => {
    const type = request.headers["content-type"] ?? "";
    if (/^application\/json\s*(;|$)/i.test(type)) return next();
    throw new HttpProblem(
      "UNSUPPORTED_MEDIA_TYPE",
      `the content-type must be application/json; got "${type}"`,
    );
  },
  express.json({ limit: MAX_BODY_BYTES, inflate: false, strict: false, type: () => true }),
];

/**
 * The value as its schema describes it, with its defaults.
 *
 * @param whole how to call the value itself, e.g. "the body"
 * @throws HttpProblem INVALID_ARGUMENT, which names every fault
 */
export function checked<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  whole: string,
): z.output<Schema> {
  const result = schema.safeParse(value, { reportInput: true });
  if (result.success) return result.data;
  const faults = result.error.issues.flatMap((issue) => faultsOf(issue, whole));
  // A value can break several rules of its field; the first one says it.
  const errors = [...new Map(faults.reverse().map((fault) => [fault.argument, fault])).values()].reverse();
  const detail = errors
    .slice(0, MAX_FAULTS)
    .map((fault) => fault.detail)
    .join("; ");
  throw new HttpProblem("INVALID_ARGUMENT", detail, { errors: errors.slice(0, MAX_FAULTS) });
}

function faultsOf(issue: Issue, whole: string): { argument: string; detail: string }[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => {
      const argument = nameOf([...issue.path, key]);
      return { argument, detail: `${argument} is not known here` };
    });
  }
  const argument = nameOf(issue.path) || whole;
  return [{ argument, detail: new InvalidArgumentError(argument, issue.message, issue.input).message }];
}

/** `create.leaseMs`, `leases[3]` */
function nameOf(path: readonly PropertyKey[]): string {
  return path
    .map((part, index) => (typeof part === "number" ? `[${part}]` : `${index ? "." : ""}${String(part)}`))
    .join("");
}

/** @throws HttpProblem INVALID_ARGUMENT for a lease that is longer than the store's longest */
export function requireLeaseMs(
  values: Readonly<Record<string, number | undefined>>,
  maxLeaseMs: number,
): void {
  for (const [argument, leaseMs] of Object.entries(values)) {
    if (leaseMs === undefined || leaseMs <= maxLeaseMs) continue;
    throw new InvalidArgumentError(
      argument,
      `at most ${maxLeaseMs}, the longest lease of this sidecar`,
      leaseMs,
    );
  }
}
