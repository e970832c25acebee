import { describe, expect, it } from "vitest";
import { FenceClock } from "../../src/stores/memory/fences.js";
import { Ledger } from "../../src/stores/memory/ledger.js";
import { acquire, claim, definition, ledgerOf, release, told, words } from "./operations.js";

describe("a claim", () => {
  it("renews the lease for as long as it was granted, and never shortens it", () => {
    const ledger = ledgerOf(1);
    ledger.apply([acquire("a", { leaseMs: 100 })], 0);
    expect(ledger.apply([claim("a")], 60).answers).toEqual([{ answer: "renewed", expiresAt: 160 }]);
    ledger.apply([{ op: "renew", lease: "a", leaseMs: 900 }, claim("a")], 60);
    expect(ledger.nextLapseAt).toBe(960);
  });

  it("takes the lease away from the attempt that had it", () => {
    const ledger = ledgerOf(1);
    ledger.apply([acquire("a", { attempt: "old" }), claim("a", "new")], 0);
    const { answers } = ledger.apply([release("a", "old"), release("a", "new")], 1);
    expect(answers).toMatchObject([{ found: false }, { found: true }]);
  });

  it("leaves a lease that no abort ends, be it of the attempt that claimed", () => {
    const ledger = ledgerOf(1);
    ledger.apply([acquire("a"), claim("a", "1")], 0);
    expect(ledger.apply([{ op: "cancel", lease: "a", attempt: "1" }], 1).answers).toMatchObject([
      { found: false },
    ]);
    expect(ledger.status(1)).toMatchObject({ inUse: 1 });
  });

  it("finds neither what was revoked, nor what lapsed, nor what waits, and restores nothing", () => {
    const ledger = ledgerOf(2);
    ledger.apply([acquire("revoked"), { op: "revoke", lease: "revoked" }], 0);
    ledger.apply([acquire("lapsed", { leaseMs: 10 }), acquire("waits", { permits: 2 })], 0);
    const leases = ["revoked", "lapsed", "waits", "unknown"];
    const { answers } = ledger.apply(
      leases.map((lease) => claim(lease, "claim", told(5, { create: definition(9) }))),
      10,
    );
    expect(answers).toMatchObject(
      ["revoked", "lapsed", "lapsed", "lapsed"].map((reason) => ({ answer: "lost", reason })),
    );
    expect(ledger.status(10)).toMatchObject({ inUse: 1, waiting: 1 });
  });

  it("makes no semaphore", () => {
    const ledger = new Ledger("api");
    const create = definition(2);
    expect(words(ledger.apply([claim("a", "claim", told(5, { create }))], 0).answers)).toEqual(["lost"]);
    expect(ledger.definition).toBeUndefined();
  });
});

describe("fences", () => {
  it("are taken from the wall clock, and above the floor where that was set back", () => {
    const forward = new Ledger("api", { fences: new FenceClock(1_700_000_000_000, 5_000) });
    const back = new Ledger("api", { fences: new FenceClock(1_000, 5_000_000) });
    for (const [ledger, first] of [
      [forward, 1_700_000_000_007_000],
      [back, 5_000_001],
    ] as const) {
      ledger.apply([{ op: "define", definition: definition(9) }], 7);
      const { answers } = ledger.apply([acquire("a"), acquire("b")], 7);
      expect(answers).toMatchObject([{ fence: first }, { fence: first + 1 }]);
    }
  });

  it("stay exact integers whatever the wall clock says", () => {
    const ledger = new Ledger("api", { fences: new FenceClock(Number.MAX_SAFE_INTEGER) });
    ledger.apply([{ op: "define", definition: definition(9) }], 0);
    const fences = [acquire("a"), acquire("b")].map((one) => ledger.apply([one], 1).answers[0]);
    const [first, second] = fences.map((one) => (one?.answer === "granted" ? one.fence : Number.NaN));
    expect(Number.isSafeInteger(second)).toBe(true);
    expect(second).toBe((first ?? 0) + 1);
  });

  it("are never above the bound that a ledger tells before a call", () => {
    const ledger = ledgerOf(3);
    ledger.apply([acquire("large", { permits: 3 }), acquire("a"), acquire("b")], 4);
    const operations = [release("large"), acquire("c", { queue: false }), acquire("d")];
    const bound = ledger.highestFence(operations, 4);
    const { answers, notices } = ledger.apply(operations, 4);
    const fences = [...answers, ...notices].flatMap((one) => (one.answer === "granted" ? [one.fence] : []));
    expect(fences).toHaveLength(3);
    expect(Math.max(...fences)).toBeLessThanOrEqual(bound);
  });
});
