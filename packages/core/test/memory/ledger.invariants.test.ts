import fc from "fast-check";
import { expect, it } from "vitest";
import type { Snapshot, WaiterStatus } from "../../src/store.js";
import { Ledger } from "../../src/stores/memory/ledger.js";
import type { GrantAnswer, Operation } from "../../src/stores/operation.js";
import { acquire, claim, definition, release, resize, told } from "./operations.js";

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
  fc
    .tuple(lease, attempt, fc.constantFrom(undefined, told(1)))
    .map(([l, a, restore]) => claim(l, a, restore)),
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
        const after = ledger.snapshot(now);
        const handedOff = notices.filter(isGrant);
        const served = new Set(handedOff.map(({ lease }) => lease));
        // One who asks again for what was handed to it a moment before is told of the same grant.
        const atOnce = answers
          .filter(isGrant)
          .filter((one) => one.fence > highestFence && !served.has(one.lease));
        expect(answers).toHaveLength(operations.length);
        expectWithinLimit(operations, before, after);
        expectNothingLeftToDo(ledger.nextLapseAt, now, after);
        const passedOver = passedOverBy(operations, before, after);
        if (passedOver.length > 0) expect(atOnce).toEqual([]);
        for (const grant of handedOff) expectNotOvertaking(grant.lease, operations, before, passedOver);
        highestFence = expectGrowingFences(handedOff, highestFence);
        highestFence = Math.max(highestFence, ...atOnce.map(({ fence }) => fence));
      }
    }),
    { numRuns: 500 },
  );
});

/** The waiters who were queued all the while. The holder of each request here is the name of its lease. */
function passedOverBy(
  operations: readonly Operation[],
  before: Snapshot | undefined,
  after: Snapshot | undefined,
): WaiterStatus[] {
  const moved = new Set(operations.map((one) => ("lease" in one ? one.lease : undefined)));
  const stillQueued = new Set(after?.waiters.map(({ holder }) => holder));
  return before?.waiters.filter(({ holder }) => stillQueued.has(holder) && !moved.has(holder)) ?? [];
}

/** Only those who stood before them in the queue, or came with a higher priority, are served before `passedOver`. */
function expectNotOvertaking(
  name: string,
  operations: readonly Operation[],
  before: Snapshot | undefined,
  passedOver: readonly WaiterStatus[],
): void {
  const asked = operations.filter((one) => one.op === "acquire").filter((one) => one.lease === name);
  const queue = before?.waiters.map(({ holder }) => holder) ?? [];
  for (const { holder, priority } of passedOver) {
    const cameWithHigher = asked.some((one) => one.priority > priority);
    expect(cameWithHigher || queue.slice(0, queue.indexOf(holder)).includes(name)).toBe(true);
  }
}

/** After a lowered limit leases may add up to more, but never to more than before. */
function expectWithinLimit(
  operations: readonly Operation[],
  before: Snapshot | undefined,
  after: Snapshot | undefined,
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

/** No lease outlives its time, no waiter that can never be served stays, and the head of the queue does not fit. */
function expectNothingLeftToDo(
  nextLapseAt: number | undefined,
  now: number,
  after: Snapshot | undefined,
): void {
  if (after === undefined) return;
  const { limit, inUse, waiting, maxWaiters, leases, waiters } = after;
  const expiriesInMs = leases.map(({ expiresInMs }) => expiresInMs);
  expect(nextLapseAt).toBe(leases.length === 0 ? undefined : now + Math.min(...expiriesInMs));
  for (const expiresInMs of expiriesInMs) expect(expiresInMs).toBeGreaterThan(0);
  expect(waiters).toHaveLength(waiting);
  expect(waiting).toBeLessThanOrEqual(maxWaiters);
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
