import { describe, expect, it } from "vitest";
import { FenceClock } from "../../src/stores/memory/fences.js";
import { Ledger } from "../../src/stores/memory/ledger.js";
import { acquire, definition, ledgerOf, release, resize, words } from "./operations.js";

describe("one call of a ledger", () => {
  it("decides each operation on the state that the one before left", () => {
    const ledger = ledgerOf(1);
    const { answers } = ledger.apply([acquire("a"), release("a"), acquire("b"), acquire("c")], 0);
    expect(words(answers)).toEqual(["granted a", "released", "granted b", "queued"]);
  });

  it("lapses what is due before anything else", () => {
    const ledger = ledgerOf(1);
    ledger.apply([acquire("a", { leaseMs: 10 })], 0);
    expect(ledger.nextLapseAt).toBe(10);
    expect(words(ledger.apply([acquire("b", { queue: false })], 9).answers)).toEqual(["timeout"]);
    const { answers, lapsed } = ledger.apply(
      [{ op: "renew", lease: "a", leaseMs: undefined }, acquire("b")],
      10,
    );
    expect(words(answers)).toEqual(["lost", "granted b"]);
    expect(lapsed).toEqual(["a"]);
  });

  it("hands permits to waiters after all operations, so that a newcomer of higher priority is served first", () => {
    const ledger = ledgerOf(1);
    ledger.apply([acquire("a"), acquire("b")], 0);
    const { answers, notices } = ledger.apply([release("a"), acquire("c", { priority: 1 })], 1);
    expect(words(answers)).toEqual(["released", "queued"]);
    expect(words(notices)).toEqual(["granted c"]);
  });

  it("grants a newcomer through a notice when it queued behind a waiter that was served with it", () => {
    const ledger = ledgerOf(2);
    ledger.apply([acquire("a", { permits: 2 }), acquire("b")], 0);
    const { answers, notices } = ledger.apply([release("a"), acquire("c")], 1);
    expect(words(answers)).toEqual(["released", "queued"]);
    expect(words(notices)).toEqual(["granted b", "granted c"]);
  });

  it("judges one who does not wait after those who do", () => {
    const ledger = ledgerOf(3);
    ledger.apply([acquire("a", { permits: 3 }), acquire("b", { permits: 2 })], 0);
    const newcomers = [acquire("c", { queue: false }), acquire("d", { queue: false })];
    const { answers, notices } = ledger.apply([release("a"), ...newcomers], 1);
    expect(words(answers)).toEqual(["released", "granted c", "timeout"]);
    expect(words(notices)).toEqual(["granted b"]);
  });

  it("serves waiters when nothing is asked of it", () => {
    const ledger = ledgerOf(1);
    ledger.apply([acquire("a", { leaseMs: 10 }), acquire("b")], 0);
    expect(ledger.apply([], 9)).toEqual({ answers: [], notices: [], lapsed: [] });
    expect(words(ledger.apply([], 10).notices)).toEqual(["granted b"]);
  });
});

describe("an acquire", () => {
  it("is queued while a waiter is, also where it would fit and comes first by priority", () => {
    const ledger = ledgerOf(2);
    ledger.apply([acquire("a"), acquire("b", { permits: 2 })], 0);
    const { answers, notices } = ledger.apply([acquire("c", { priority: 9, permits: 2 })], 0);
    expect(words(answers)).toEqual(["queued"]);
    expect(words(notices)).toEqual([]);
    expect(words(ledger.apply([release("a")], 1).notices)).toEqual(["granted c"]);
  });

  it("is refused in the documented order", () => {
    const ledger = ledgerOf(1, { maxWaiters: 0 });
    ledger.apply([acquire("a", { fingerprint: "f" })], 0);
    const { answers } = ledger.apply(
      [
        acquire("a", { permits: 9, queue: false }),
        acquire("b", { permits: 9, queue: false }),
        acquire("c", { queue: false }),
        acquire("d"),
      ],
      0,
    );
    expect(words(answers)).toEqual(["reused", "exceeds_limit", "timeout", "queue_full"]);
  });

  it("lets the definition that is in force at the grant say how long the lease lasts", () => {
    const ledger = ledgerOf(0, { leaseMs: 100 });
    ledger.apply([acquire("a"), acquire("b", { leaseMs: 7 })], 0);
    const { notices } = ledger.apply([{ op: "define", definition: definition(2, { leaseMs: 200 }) }], 10);
    expect(notices).toMatchObject([
      { lease: "a", leaseMs: 200, expiresAt: 210 },
      { lease: "b", leaseMs: 7, expiresAt: 17 },
    ]);
  });

  it("returns a held lease again with the same fence and expiry, which belongs to the latest attempt", () => {
    const ledger = ledgerOf(1);
    const [grant] = ledger.apply([acquire("a")], 0).answers;
    const { answers } = ledger.apply([acquire("a", { attempt: "2" })], 5);
    expect(answers).toEqual([{ ...grant, again: true }]);
    expect(ledger.apply([release("a", "1"), release("a", "2")], 5).answers).toEqual([
      { answer: "released", found: false },
      { answer: "released", found: true },
    ]);
  });

  it("keeps its place when it is asked for again, and belongs to the latest attempt", () => {
    const ledger = ledgerOf(1);
    ledger.apply([acquire("a"), acquire("b"), acquire("c"), acquire("b", { attempt: "2" })], 0);
    expect(ledger.apply([{ op: "cancel", lease: "b", attempt: "1" }], 1).answers).toMatchObject([
      { found: false },
    ]);
    expect(words(ledger.apply([release("a")], 1).notices)).toEqual(["granted b"]);
    expect(ledger.apply([{ op: "cancel", lease: "b", attempt: "2" }], 1).answers).toMatchObject([
      { found: true },
    ]);
  });

  it("leaves the queue when it is asked for again without waiting, and frees the way for others", () => {
    const ledger = ledgerOf(2);
    ledger.apply([acquire("a"), acquire("b", { permits: 2 }), acquire("c")], 0);
    const { answers, notices } = ledger.apply([acquire("b", { permits: 2, queue: false })], 1);
    expect(words(answers)).toEqual(["timeout"]);
    expect(words(notices)).toEqual(["granted c"]);
  });

  it("never gets a revoked lease again", () => {
    const ledger = ledgerOf(1);
    ledger.apply([acquire("a"), { op: "revoke", lease: "a" }], 0);
    expect(words(ledger.apply([acquire("a", { attempt: "2" })], 0).answers)).toEqual(["reused"]);
  });

  it("has a fence of the clock's microseconds, or one more than the last", () => {
    const ledger = ledgerOf(9);
    const fences = [5, 5, 6].map((now, i) => ledger.apply([acquire(`lease ${i}`)], now).answers[0]);
    expect(fences).toMatchObject([{ fence: 5_000 }, { fence: 5_001 }, { fence: 6_000 }]);
  });

  it("has a higher fence than any of a semaphore that was removed, or has expired, and was made anew", () => {
    const ledger = new Ledger("api", { fences: new FenceClock(0, 10_000_000_000) });
    const create = definition(1);
    const fenceAt = (now: number): number => {
      const { answers } = ledger.apply([acquire("a", { create }), release("a")], now);
      return answers[0]?.answer === "granted" ? answers[0].fence : Number.NaN;
    };
    const fences = [fenceAt(0)];
    ledger.apply([{ op: "remove" }], 0);
    fences.push(fenceAt(0), fenceAt(700_000));
    expect(ledger.status(700_000)).toMatchObject({ grantsTotal: 1 });
    expect(fences).toEqual([10_000_000_001, 10_000_000_002, 10_000_000_003]);
  });
});

describe("a changed definition", () => {
  it("fails the misfits at once, in the order of the queue, and hands off afterwards", () => {
    const ledger = ledgerOf(0);
    const waiters = [acquire("a", { permits: 3 }), acquire("b"), acquire("c", { permits: 4, priority: 1 })];
    ledger.apply(waiters, 0);
    const { notices } = ledger.apply([resize(2), acquire("d", { queue: false })], 0);
    expect(words(notices)).toEqual(["exceeds_limit c", "exceeds_limit a", "granted b"]);
  });

  it("fails nobody by a limit of 0", () => {
    const ledger = ledgerOf(3);
    ledger.apply([acquire("a"), acquire("b", { permits: 3 })], 0);
    expect(ledger.apply([resize(0), release("a")], 0).notices).toEqual([]);
    expect(ledger.status(0)).toMatchObject({ limit: 0, inUse: 0, waiting: 1 });
  });

  it("makes a semaphore that was made in passing permanent, which counts as its first version", () => {
    const ledger = new Ledger("api");
    ledger.apply([acquire("a", { create: definition(2), leaseMs: 10 })], 0);
    expect(ledger.version).toBe(0);
    ledger.apply([resize(2)], 0);
    expect(ledger.version).toBe(1);
    ledger.apply([resize(2)], 0);
    expect(ledger.version).toBe(1);
    ledger.apply([], 700_000);
    expect(ledger.definition).toEqual(definition(2));
  });

  it("keeps no more of what it is given than a definition", () => {
    const ledger = new Ledger("api");
    ledger.apply([{ op: "define", definition: { ...definition(2), holder: "x" } as never }], 0);
    expect(ledger.definition).toEqual(definition(2));
  });
});

describe("renewal and revocation", () => {
  it("counts a renewal from now, and keeps the lease's own time for the next one", () => {
    const ledger = ledgerOf(1);
    ledger.apply([acquire("a", { leaseMs: 100 })], 0);
    const renewed = (leaseMs: number | undefined, now: number) =>
      ledger.apply([{ op: "renew", lease: "a", leaseMs }], now).answers[0];
    expect(renewed(500, 50)).toEqual({ answer: "renewed", expiresAt: 550 });
    expect(renewed(undefined, 60)).toEqual({ answer: "renewed", expiresAt: 160 });
    // A renewal for a shorter time does not end the lease earlier than an older word.
    expect(ledger.nextLapseAt).toBe(550);
  });

  it("tells of a revocation once, and keeps the permits until the lease would have lapsed", () => {
    const ledger = ledgerOf(1);
    ledger.apply([acquire("a", { leaseMs: 100 }), acquire("b")], 0);
    const revoke = { op: "revoke", lease: "a" } as const;
    const { answers, notices } = ledger.apply([revoke, revoke], 1);
    expect(answers).toEqual([
      { answer: "revoked", found: true },
      { answer: "revoked", found: true },
    ]);
    expect(notices).toEqual([{ answer: "revoked", lease: "a" }]);
    expect(words(ledger.apply([], 100).notices)).toEqual(["granted b"]);
    expect(ledger.status(100)).toMatchObject({ revocationsTotal: 1, lapsesTotal: 1, grantsTotal: 2 });
  });
});

describe("a semaphore that goes", () => {
  it("is not removed while a lease is held", () => {
    const ledger = ledgerOf(1);
    const { answers } = ledger.apply([acquire("a"), { op: "remove" }, release("a"), { op: "remove" }], 0);
    expect(words(answers)).toEqual(["granted a", "in_use", "released", "removed"]);
    expect(ledger.definition).toBeUndefined();
  });

  it("tells its waiters, in the order of the queue, that it was removed", () => {
    const ledger = ledgerOf(0);
    ledger.apply([acquire("a"), acquire("b", { priority: 1 })], 0);
    const { notices } = ledger.apply([{ op: "remove" }], 0);
    expect(words(notices)).toEqual(["removed b", "removed a"]);
  });

  it("vanishes ten minutes after its last use where it was made in passing", () => {
    const ledger = new Ledger("api");
    ledger.apply([acquire("a", { create: definition(2) }), release("a")], 0);
    ledger.apply([release("never held")], 1_000);
    ledger.apply([], 2_000);
    expect(ledger.expired(600_999)).toBe(false);
    expect(ledger.status(600_999)).toBeDefined();
    expect(ledger.expired(601_000)).toBe(true);
    expect(ledger.status(601_000)).toBeUndefined();
    expect(words(ledger.apply([acquire("b")], 601_000).answers)).toEqual(["unknown"]);
  });

  it("starts from nothing when it is made again after it has vanished", () => {
    const ledger = new Ledger("api");
    ledger.apply([acquire("a", { create: definition(2) })], 0);
    ledger.apply([acquire("b", { create: definition(5) })], 600_000);
    expect(ledger.status(600_000)).toMatchObject({ limit: 5, inUse: 1, grantsTotal: 1, lapsesTotal: 0 });
  });

  it("stays while it is held or waited for", () => {
    const ledger = new Ledger("api");
    ledger.apply([acquire("a", { create: definition(1), leaseMs: 900_000 }), acquire("b")], 0);
    expect(ledger.expired(700_000)).toBe(false);
    expect(words(ledger.apply([], 900_000).notices)).toEqual(["granted b"]);
  });

  it("answers as nobody does where there is none", () => {
    const { answers } = new Ledger("api").apply(
      [
        acquire("a"),
        resize(1),
        { op: "remove" },
        release("a"),
        { op: "cancel", lease: "a", attempt: "1" },
        { op: "renew", lease: "a", leaseMs: undefined },
        { op: "revoke", lease: "a" },
      ],
      0,
    );
    expect(answers).toEqual([
      { answer: "unknown" },
      { answer: "unknown" },
      { answer: "unknown" },
      { answer: "released", found: false },
      { answer: "cancelled", found: false },
      { answer: "lost", reason: "lapsed" },
      { answer: "revoked", found: false },
    ]);
  });
});
