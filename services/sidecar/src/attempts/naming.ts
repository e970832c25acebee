import { createHash, createHmac } from "node:crypto";
import type { acquireBody } from "@sluice/client/shapes";
import { newLeaseId } from "@sluice/core";
import type { z } from "zod";

type AcquireFields = z.output<typeof acquireBody>;

/** As many characters as 128 bits take in base64url. */
const NAME_LENGTH = 22;

/**
 * The id of the lease that a request asks for: random, or the same one for every request with the same idempotency
 * key, at every sidecar. Only those who know the key and the token can tell it.
 */
export function leaseIdOf(semaphore: string, key: string | undefined, token: string): string {
  if (key === undefined) return newLeaseId();
  // Neither a semaphore's name nor a key has a space in it.
  return createHmac("sha256", token).update(`${semaphore} ${key}`).digest("base64url").slice(0, NAME_LENGTH);
}

/**
 * Stands for what is asked for, so that another request under the same key is found out. How long the caller waits
 * this time is not part of it: who asks again has less time left, and who gives up does not wait at all.
 */
export function fingerprintOf({ permits, priority, leaseMs, holder, limit, create }: AcquireFields): string {
  const asked = [permits, priority, leaseMs, holder, limit, create?.leaseMs, create?.maxWaiters];
  return createHash("sha256").update(JSON.stringify(asked)).digest("base64url").slice(0, NAME_LENGTH);
}
