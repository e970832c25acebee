import { definitionBody, semaphorePath } from "@sluice/client/shapes";
import type { Definition } from "@sluice/core";
import { z } from "zod";
import { definitionOf } from "../definition.js";
import { readChecked } from "./checked-file.js";

/** What a file declares: names, each with its whole definition. */
export type Declarations = ReadonlyMap<string, Definition>;

/**
 * The semaphores that a file declares.
 *
 * @param maxLeaseMs the longest lease of the store
 * @throws SettingsError with every fault of the file
 */
export function readDeclarations(file: string, maxLeaseMs: number): Declarations {
  const { semaphores } = readChecked("SLUICE_CONFIG", file, fileShape(maxLeaseMs));
  return new Map(
    Object.entries(semaphores).map(([name, declared]) => [name, definitionOf(declared, maxLeaseMs)]),
  );
}

function fileShape(maxLeaseMs: number) {
  const { limit, leaseMs, maxWaiters } = definitionBody.shape;
  const definition = strict("a limit, or a mapping with limit, leaseMs?, maxWaiters?", {
    limit,
    leaseMs: leaseMs
      .unwrap()
      .max(maxLeaseMs, { error: `at most SLUICE_MAX_LEASE_MS, ${maxLeaseMs}` })
      .optional(),
    maxWaiters,
  });
  const declared = z.preprocess(
    (value) => (typeof value === "number" ? { limit: value } : value),
    definition,
  );
  return strict("a mapping with semaphores", {
    semaphores: z.record(semaphorePath.shape.name, declared, {
      error: (issue) => (issue.code === "invalid_type" ? "a mapping of names to limits" : undefined),
    }),
  });
}

function strict<Shape extends z.core.$ZodShape>(expected: string, shape: Shape) {
  return z.strictObject(shape, { error: (issue) => (issue.code === "invalid_type" ? expected : undefined) });
}
