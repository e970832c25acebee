import type { AcquireRequest, AcquireResult, Claim, Definition, RenewResult } from "../../store.js";
import type { AcquireOperation, Answer, ClaimOperation, Notice } from "../operation.js";

/** Between the words of the Store and those of the ledger. */

export function acquireOperation(request: AcquireRequest): AcquireOperation {
  return {
    op: "acquire",
    lease: request.lease,
    attempt: request.attempt,
    fingerprint: request.fingerprint,
    permits: request.permits,
    priority: request.priority,
    leaseMs: request.leaseMs,
    holder: request.holder,
    queue: request.waitMs > 0,
    create: request.create,
  };
}

export function claimOperation({ lease, attempt, restore }: Claim): ClaimOperation {
  return { op: "claim", lease, attempt, restore };
}

/** `definition` is the one that the answer was decided by. */
export function resultOf(answer: Answer | Notice, definition: Definition | undefined): AcquireResult {
  const { limit, maxWaiters } = definition ?? { limit: 0, maxWaiters: 0 };
  switch (answer.answer) {
    case "granted": {
      const { lease, permits, fence, leaseMs, expiresAt, again = false } = answer;
      return { outcome: "granted", lease, permits, fence, leaseMs, validUntil: expiresAt, limit, again };
    }
    case "timeout":
    case "exceeds_limit":
      return { outcome: answer.answer, limit };
    case "queue_full":
      return { outcome: "queue_full", limit, maxWaiters };
    case "reused":
      return { outcome: "reused" };
    default:
      return { outcome: "unknown" };
  }
}

/** The answer to a renewal or a claim. */
export function renewResult(lease: string, answer: Answer | undefined): RenewResult {
  if (answer?.answer === "renewed") return { lease, renewed: true, validUntil: answer.expiresAt };
  return { lease, renewed: false, reason: answer?.answer === "lost" ? answer.reason : "lapsed" };
}
