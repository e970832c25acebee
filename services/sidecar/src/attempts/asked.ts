import type { acquireBody } from "@sluice/client/shapes";
import { type AcquireRequest, newAttemptId } from "@sluice/core";
import type { z } from "zod";
import type { Caller } from "../access/caller.js";
import { definitionOf } from "../definition.js";
import { requireLeaseMs } from "../http/input.js";
import { fingerprintOf, leaseIdOf } from "./naming.js";

export interface Asking {
  readonly semaphore: string;
  readonly fields: z.output<typeof acquireBody>;
  /** The caller's name for its acquire, under which it can ask again. */
  readonly key: string | undefined;
  readonly caller: Caller;
  /** Where the caller is; its label as a holder unless it has given one. */
  readonly address: string;
}

/** An acquire as it is asked of the store, and by whom. */
export interface Asked {
  readonly request: AcquireRequest;
  readonly caller: Caller;
  /** Whether the caller can ask again. */
  readonly named: boolean;
}

/** @throws HttpProblem INVALID_ARGUMENT for a lease that is longer than the store's longest */
export function askedOf({ semaphore, fields, key, caller, address }: Asking, maxLeaseMs: number): Asked {
  const { permits, priority, waitMs, leaseMs, holder = address, limit, create } = fields;
  requireLeaseMs({ leaseMs, "create.leaseMs": create?.leaseMs }, maxLeaseMs);
  const request: AcquireRequest = {
    semaphore,
    lease: leaseIdOf(semaphore, key, caller.token),
    attempt: newAttemptId(),
    fingerprint: key === undefined ? "" : fingerprintOf(fields),
    permits,
    priority,
    waitMs,
    leaseMs,
    holder,
    create: limit === undefined ? undefined : definitionOf({ limit, ...create }, maxLeaseMs),
  };
  return { request, caller, named: key !== undefined };
}
