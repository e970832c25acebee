import { type Definition, definitionDefaults } from "@sluice/core";

interface PartialDefinition {
  readonly limit: number;
  readonly leaseMs?: number | undefined;
  readonly maxWaiters?: number | undefined;
}

/** A whole definition: what was left out takes its default. */
export function definitionOf(
  { limit, leaseMs, maxWaiters }: PartialDefinition,
  maxLeaseMs: number,
): Definition {
  return {
    limit,
    leaseMs: leaseMs ?? Math.min(definitionDefaults.leaseMs, maxLeaseMs),
    maxWaiters: maxWaiters ?? definitionDefaults.maxWaiters,
  };
}
