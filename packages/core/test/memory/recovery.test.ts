import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FenceClock } from "../../src/stores/memory/fences.js";
import { Ledger } from "../../src/stores/memory/ledger.js";
import type { Operation } from "../../src/stores/operation.js";
import { acquire, claim, definition, release, resize, told, words } from "./operations.js";

const epochMs = 1_700_000_000_000;
const recoverUntil = 1_000;
const fences = new FenceClock(epochMs);
/** The fence of a grant that was made so long before the start. */
const fenceBefore = (ms: number) => (epochMs - ms) * 1_000;

function recovering(limit: number): Ledger {
  const permanent = { definition: definition(limit), version: 3 };
  return new Ledger("api", { fences, recoverUntil, permanent });
}

describe("a ledger that recovers", () => {
  it("knows its definition, with its version", () => {
    const ledger = recovering(2);
    expect(ledger.status(0)).toMatchObject({ limit: 2, version: 3, recovering: true, inUse: 0 });
    ledger.apply([resize(2)], 0);
    expect(ledger.version).toBe(3);
  });

  it("grants nothing to anybody, and queues those who wait", () => {
    const ledger = recovering(2);
    const { answers, notices } = ledger.apply([acquire("a"), acquire("b", { queue: false })], 0);
    expect(words([...answers, ...notices])).toEqual(["queued", "withheld"]);
    expect(words(ledger.apply([acquire("a", { queue: false })], 999).answers)).toEqual(["withheld"]);
  });

  it("serves those who wait in their order as soon as it is over", () => {
    const ledger = recovering(2);
    ledger.apply([acquire("a"), acquire("b", { permits: 2 }), acquire("c", { priority: 1 })], 0);
    expect(words(ledger.apply([], recoverUntil - 1).notices)).toEqual([]);
    expect(words(ledger.apply([], recoverUntil).notices)).toEqual(["granted c", "granted a"]);
    expect(ledger.status(recoverUntil)).toMatchObject({ recovering: false, inUse: 2, waiting: 1 });
  });

  it("restores a lease as its holder tells of it, for its whole time from then on", () => {
    const ledger = recovering(2);
    const restore = told(fenceBefore(500), { permits: 2, leaseMs: 700, holder: "worker" });
    const { answers } = ledger.apply([claim("a", "claim", restore)], 400);
    expect(answers).toEqual([{ answer: "renewed", expiresAt: 1_100 }]);
    expect(ledger.snapshot(400)).toMatchObject({
      inUse: 2,
      grantsTotal: 0,
      leases: [{ lease: "a", permits: 2, fence: restore.fence, holder: "worker", heldMs: 900 }],
    });
    expect(words(ledger.apply([release("a", "other"), release("a", "claim")], 401).answers)).toEqual([
      "released",
      "released",
    ]);
    expect(ledger.status(401)).toMatchObject({ inUse: 0 });
  });

  it("takes every claim, also above the limit, and grants nothing until there is room", () => {
    const ledger = recovering(1);
    const claims = ["a", "b", "c"].map((lease, i) => claim(lease, "claim", told(fenceBefore(i))));
    ledger.apply([...claims, acquire("d")], 900);
    expect(ledger.status(900)).toMatchObject({ limit: 1, inUse: 3 });
    expect(ledger.apply([release("a"), release("b")], recoverUntil).notices).toEqual([]);
    expect(words(ledger.apply([release("c")], recoverUntil).notices)).toEqual(["granted d"]);
  });

  it("lapses a restored lease that nobody renews", () => {
    const ledger = recovering(1);
    ledger.apply([claim("a", "claim", told(fenceBefore(0), { leaseMs: 50 }))], 0);
    expect(ledger.apply([], 50).lapsed).toEqual(["a"]);
  });

  it("makes the semaphore again, in passing, where that is lost too, and keeps it", () => {
    const ledger = new Ledger("api", { fences, recoverUntil: 700_000 });
    const create = definition(4);
    expect(words(ledger.apply([claim("a", "claim", told(fenceBefore(1)))], 0).answers)).toEqual(["lost"]);
    ledger.apply([claim("a", "claim", told(fenceBefore(1), { create })), release("a")], 0);
    expect(ledger.status(650_000)).toMatchObject({ limit: 4, version: 0, recovering: true });
  });

  it("gives every later grant a higher fence than any that was claimed", () => {
    const ledger = recovering(9);
    const ahead = fenceBefore(-60_000);
    ledger.apply([claim("a", "claim", told(ahead)), claim("b", "claim", told(fenceBefore(0)))], 0);
    const { answers } = ledger.apply([acquire("c")], recoverUntil);
    expect(answers).toMatchObject([{ answer: "granted", fence: ahead + 1 }]);
  });

  it("refuses a fence that nobody can have been given", () => {
    const ledger = recovering(9);
    const dayMs = 86_400_000;
    const answers = [0, fenceBefore(-dayMs), fenceBefore(-dayMs) + 1].map(
      (fence, i) => ledger.apply([claim(`${i}`, "claim", told(fence))], 0).answers[0],
    );
    expect(words(answers.flatMap((one) => one ?? []))).toEqual(["lost", "renewed", "lost"]);
  });

  it("measures claimed fences by the floor where the wall clock was set back", () => {
    const floor = fenceBefore(0);
    const ledger = new Ledger("api", {
      fences: new FenceClock(1_000, floor),
      recoverUntil,
      permanent: { definition: definition(1), version: 1 },
    });
    expect(words(ledger.apply([claim("a", "claim", told(floor))], 0).answers)).toEqual(["renewed"]);
    expect(ledger.snapshot(0)).toMatchObject({ leases: [{ heldMs: 0 }] });
  });

  it("pages through leases in the order of their fences, whenever they were claimed", () => {
    const ledger = recovering(9);
    for (const ms of [30, 10, 50, 20, 40]) {
      ledger.apply([claim(`${ms}`, "claim", told(fenceBefore(ms)))], 0);
    }
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = ledger.snapshot(0, { pageSize: 2, cursor });
      seen.push(...(page?.leases.map(({ lease }) => lease) ?? []));
      cursor = page?.cursor;
    } while (cursor !== undefined);
    expect(seen).toEqual(["50", "40", "30", "20", "10"]);
    expect(ledger.status(0)).toMatchObject({ oldestLeaseMs: 50 });
  });

  it("hands a lease that is claimed to whoever queued for it meanwhile", () => {
    const ledger = recovering(1);
    const restore = told(fenceBefore(9), { permits: 2 });
    ledger.apply([acquire("first"), acquire("a", { fingerprint: "f", attempt: "retry" })], 0);
    expect(words(ledger.apply([claim("a", "claim", restore)], 1).answers)).toEqual(["lost"]);
    const { notices } = ledger.apply([claim("a", "claim", told(fenceBefore(9)))], 1);
    expect(notices).toMatchObject([{ answer: "granted", lease: "a", fence: fenceBefore(9), again: true }]);
    const undone = ledger.apply([{ op: "cancel", lease: "a", attempt: "retry" }], 1).answers;
    expect(undone).toMatchObject([{ found: false }]);
    expect(ledger.status(1)).toMatchObject({ inUse: 1, waiting: 1 });
  });

  it("returns a restored lease to one who asks for the same, whose request it is from then on", () => {
    const ledger = recovering(9);
    ledger.apply([claim("a", "claim", told(fenceBefore(9)))], 0);
    const asked = (fingerprint: string, permits = 1) => acquire("a", { fingerprint, permits });
    const operations = [asked("other", 2), asked("same"), asked("other")];
    expect(words(ledger.apply(operations, 0).answers)).toEqual(["reused", "granted a", "reused"]);
  });
});

const lease = fc.integer({ min: 0, max: 7 }).map(String);
const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc
    .record({ permits: fc.integer({ min: 1, max: 3 }), queue: fc.boolean() })
    .chain((rest) => lease.map((name) => acquire(name, rest))),
  lease.map((name) => release(name)),
  lease.chain((name) =>
    fc
      .record({ permits: fc.integer({ min: 1, max: 3 }), leaseMs: fc.constantFrom(100, 600, 2_000) })
      .map((rest) => claim(name, "claim", told(fenceBefore(Number(name)), rest))),
  ),
  lease.map((name): Operation => ({ op: "revoke", lease: name })),
);
const steps = fc.array(
  fc.record({ operations: fc.array(operation, { maxLength: 4 }), passMs: fc.constantFrom(0, 50, 300, 700) }),
  { minLength: 1, maxLength: 30 },
);

it("keeps count through any recovery: no grant before its end, and none while claims fill the limit", () => {
  fc.assert(
    fc.property(steps, (sequence) => {
      const ledger = recovering(3);
      let now = 0;
      for (const { operations, passMs } of sequence) {
        now += passMs;
        const before = ledger.snapshot(now);
        ledger.apply(operations, now);
        const after = ledger.snapshot(now);
        const leases = after?.leases ?? [];
        expect(after?.inUse).toBe(leases.reduce((sum, { permits }) => sum + permits, 0));
        expect(leases).toEqual([...leases].sort((one, other) => one.fence - other.fence));
        expect(after?.recovering).toBe(now < recoverUntil);
        if (after?.recovering) expect(after.grantsTotal).toBe(0);
        else expect(after?.inUse).toBeLessThanOrEqual(Math.max(3, before?.inUse ?? 0));
      }
    }),
    { numRuns: 300 },
  );
});
