import fc from "fast-check";
import { expect, it } from "vitest";
import type { Snapshot } from "../../src/store.js";
import { Ledger } from "../../src/stores/memory/ledger.js";
import type { GrantAnswer, Operation } from "../../src/stores/operation.js";
import { acquire, definition, release, resize } from "./operations.js";

const lease = fc.integer({ min: 0, max: 14 }).map(String);
const attempt = fc.constantFrom("1", "2");
const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .record({
        permits: fc.integer({ min: 1, max: 4 }),
        priority: fc.integer({ min: -1, max: 1 }),
        queue: fc.boolean(),
        leaseMs: fc.constantFrom(undefined, 5, 40),
        fingerprint: fc.constantFrom("", "", "", "other"),
        attempt,
        create: fc.constantFrom(undefined, definition(3, { leaseMs: 20, maxWaiters: 6 })),
      })
      .chain((rest) => lease.map((name) => acquire(name, { ...rest, holder: name }))),
  },
  {
    weight: 4,
    arbitrary: fc.tuple(lease, fc.option(attempt, { nil: undefined })).map(([l, a]) => release(l, a)),
  },
  fc.tuple(lease, attempt).map(([l, a]): Operation => ({ op: "cancel", lease: l, attempt: a })),
  fc
    .tuple(lease, fc.constantFrom(undefined, 30))
    .map(([l, leaseMs]): Operation => ({ op: "renew", lease: l, leaseMs })),
  fc.integer({ min: 0, max: 5 }).map(resize),
  lease.map((l): Operation => ({ op: "revoke", lease: l })),
  fc.constant<Operation>({ op: "remove" }),
);
const steps = fc.array(
  fc.record({ operations: fc.array(operation, { maxLength: 4 }), passMs: fc.constantFrom(0, 0, 1, 7, 30) }),
  { minLength: 1, maxLength: 60 },
);

it("keeps its promises through any sequence of operations", () => {
  fc.assert(
    fc.property(steps, (sequence) => {
      const ledger = new Ledger("api");
      let now = 1;
      let highestFence = 0;
      for (const { operations, passMs } of sequence) {
        now += passMs;
        const before = ledger.snapshot(now);
        const { answers, notices } = ledger.apply(operations, now);
        const grants = notices.filter(isGrant);
        expect(answers).toHaveLength(operations.length);
        expectWithinLimit(ledger.snapshot(now), operations, before);
        expectNothingLeftToDo(ledger, now);
        expectNobodyOvertaken(grants, operations, before);
        highestFence = expectGrowingFences(grants, highestFence);
      }
    }),
    { numRuns: 500 },
  );
});

/** After a lowered limit leases may add up to more, but never to more than before. */
function expectWithinLimit(
  after: Snapshot | undefined,
  operations: readonly Operation[],
  before: Snapshot | undefined,
): void {
  if (after === undefined) return;
  const limits = operations.map((one) => {
    if (one.op === "resize") return one.limit;
    return one.op === "acquire" ? (one.create?.limit ?? 0) : 0;
  });
  const highestLimit = Math.max(after.limit, before?.limit ?? 0, ...limits);
  expect(after.inUse).toBe(after.leases.reduce((sum, { permits }) => sum + permits, 0));
  expect(after.inUse).toBeLessThanOrEqual(Math.max(highestLimit, before?.inUse ?? 0));
}

/** Where nobody came or left by himself, those served are the first of the queue, in its order. */
function expectNobodyOvertaken(
  grants: readonly GrantAnswer[],
  operations: readonly Operation[],
  before: Snapshot | undefined,
): void {
  if (!operations.every(({ op }) => ["release", "renew", "revoke"].includes(op))) return;
  const queue = before?.waiters.map(({ holder }) => holder) ?? [];
  expect(grants.map(({ lease: name }) => name)).toEqual(queue.slice(0, grants.length));
}

/** No lease outlives its time, no waiter that can never be served stays, and the head of the queue does not fit. */
function expectNothingLeftToDo(ledger: Ledger, now: number): void {
  const snapshot = ledger.snapshot(now);
  if (snapshot === undefined) return;
  const { limit, inUse, waiting, maxWaiters, leases, waiters } = snapshot;
  const expiriesInMs = leases.map(({ expiresInMs }) => expiresInMs);
  expect(ledger.nextLapseAt).toBe(leases.length === 0 ? undefined : now + Math.min(...expiriesInMs));
  expect(waiters).toHaveLength(waiting);
  expect(waiting).toBeLessThanOrEqual(maxWaiters);
  for (const expiresInMs of expiriesInMs) expect(expiresInMs).toBeGreaterThan(0);
  for (const { permits } of waiters) expect(limit === 0 || permits <= limit).toBe(true);
  const [head] = waiters;
  if (head !== undefined) expect(inUse + head.permits).toBeGreaterThan(limit);
  const priorities = waiters.map(({ priority }) => priority);
  expect(priorities).toEqual([...priorities].sort((one, other) => other - one));
}

function expectGrowingFences(grants: readonly GrantAnswer[], highestFence: number): number {
  let highest = highestFence;
  for (const { fence } of grants) {
    expect(fence).toBeGreaterThan(highest);
    highest = fence;
  }
  return highest;
}

function isGrant(one: { readonly answer: string }): one is GrantAnswer {
  return one.answer === "granted";
}
