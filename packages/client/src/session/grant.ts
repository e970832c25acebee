import type { Grant } from "@sluice/core";
import type { AcquiredAnswer } from "../shapes/session.js";
import type { SessionClock } from "./clock.js";
import { type Answer, isCount } from "./messages.js";

/** Undefined where the answer is none that a sidecar gives. */
export function readGrant(answer: Answer, clock: SessionClock): Grant | undefined {
  const { lease, permits, fence, leaseMs, limit, at, expiresInMs } = answer as Partial<AcquiredAnswer>;
  const isWhole = isCount(permits) && isCount(fence) && isCount(leaseMs) && isCount(limit);
  if (typeof lease !== "string" || !isWhole || !isCount(at) || !isCount(expiresInMs)) return undefined;
  const validUntil = clock.validUntil(at + expiresInMs);
  return { outcome: "granted", lease, permits, fence, leaseMs, validUntil, limit };
}
