import type { Definition, Restore } from "../../src/store.js";
import { Ledger } from "../../src/stores/memory/ledger.js";
import type { AcquireOperation, Answer, Notice, Operation } from "../../src/stores/operation.js";

export function definition(limit: number, rest: Partial<Definition> = {}): Definition {
  return { limit, leaseMs: 1_000, maxWaiters: 100, ...rest };
}

export function acquire(lease: string, rest: Partial<AcquireOperation> = {}): AcquireOperation {
  return {
    op: "acquire",
    lease,
    attempt: "1",
    fingerprint: "",
    permits: 1,
    priority: 0,
    leaseMs: undefined,
    holder: "test",
    queue: true,
    create: undefined,
    ...rest,
  };
}

export function release(lease: string, attempt?: string): Operation {
  return { op: "release", lease, attempt };
}

export function claim(lease: string, attempt = "claim", restore?: Restore): Operation {
  return { op: "claim", lease, attempt, restore };
}

/** A lease as its holder knows it. */
export function told(fence: number, rest: Partial<Restore> = {}): Restore {
  return { permits: 1, fence, leaseMs: 1_000, holder: "test", create: undefined, ...rest };
}

export function resize(limit: number): Operation {
  return { op: "resize", limit };
}

/** A ledger that was defined at 0. */
export function ledgerOf(limit: number, rest: Partial<Definition> = {}): Ledger {
  const ledger = new Ledger("api");
  ledger.apply([{ op: "define", definition: definition(limit, rest) }], 0);
  return ledger;
}

/** Answers and notices in short: the word, and the lease where there is one. */
export function words(happenings: readonly (Answer | Notice)[]): string[] {
  return happenings.map((one) => ("lease" in one ? `${one.answer} ${one.lease}` : one.answer));
}
