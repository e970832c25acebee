import { describe, expect, it } from "vitest";
import { describeReport, judge, type Rules } from "../../src/history/judge.js";
import { type Call, scene } from "./scenes.js";

const report = (rules: Rules, ...calls: Call[]) => judge(scene(...calls), rules);
const kinds = (rules: Rules, ...calls: Call[]) => report(rules, ...calls).findings.map(({ kind }) => kind);

describe("over", () => {
  it("says how far, for how long, and by whose grant", () => {
    const { findings, permitsOver, overMs, highest } = report(
      { limit: 2 },
      { at: 0, held: [1, 20], permits: 2 },
      { at: 4, held: [5, 8], permits: 3 },
    );
    expect(findings).toContainEqual({
      kind: "over",
      from: 5,
      to: 8,
      permits: 5,
      limit: 2,
      grant: { process: "p2", call: 1 },
    });
    expect({ permitsOver, overMs, highest }).toEqual({
      permitsOver: 3,
      overMs: 3,
      highest: { permits: 5, at: 5 },
    });
  });

  it("is not what a lowered limit finds held", () => {
    const limitChanges = [{ askedAt: 10, answeredAt: 12, limit: 1 }];
    const held: Call[] = [
      { at: 0, held: [1, 30] },
      { at: 0, held: [1, 30] },
    ];
    expect(kinds({ limit: 2, limitChanges }, ...held)).toEqual([]);
    // The change may not have been made yet when this one was granted.
    expect(kinds({ limit: 3, limitChanges }, ...held, { at: 11, held: [13, 14] })).toEqual([]);
    expect(kinds({ limit: 3, limitChanges }, ...held, { at: 12.5, held: [13, 14] })).toContain("over");
  });

  it("is not what a raised limit allows", () => {
    const limitChanges = [{ askedAt: 10, answeredAt: 12, limit: 2 }];
    expect(kinds({ limit: 1, limitChanges }, { at: 0, held: [1, 30] }, { at: 2, held: [11, 20] })).toEqual(
      [],
    );
    expect(kinds({ limit: 1, limitChanges }, { at: 0, held: [1, 30] }, { at: 2, held: [9, 20] })).toContain(
      "over",
    );
  });

  it("is not what the dead believed", () => {
    const dead = { at: 0, held: [1, 50], fate: { killedAt: 10 } } as const;
    expect(kinds({ limit: 1 }, dead, { at: 0, held: [10, 20] })).toEqual([]);
    expect(kinds({ limit: 1 }, dead, { at: 0, held: [9.9, 20] })).toContain("over");
  });
});

describe("overtaken", () => {
  const waiter = { at: 0, queued: 5, held: [20, 21], fence: 9 } as const;
  const newcomer = { at: 6, held: [7, 8], fence: 1 } as const;

  it("is a waiter that was seen in the queue before the other was asked for", () => {
    expect(kinds({ limit: 1 }, waiter, newcomer)).toEqual(["overtaken"]);
    expect(kinds({ limit: 1 }, waiter, { ...newcomer, at: 4 })).toEqual([]);
  });

  it("goes by priority", () => {
    expect(kinds({ limit: 1 }, waiter, { ...newcomer, priority: 1 })).toEqual([]);
    expect(kinds({ limit: 1 }, { ...waiter, priority: 1 }, newcomer)).toEqual(["overtaken"]);
  });

  it("is not one that was stopped meanwhile, nor one that waited through an outage", () => {
    const fate = { pauses: [{ from: 9, to: 12 }] };
    expect(kinds({ limit: 1 }, { ...waiter, fate }, newcomer)).toEqual([]);
    expect(kinds({ limit: 1, outages: [{ from: 9, to: 12 }] }, waiter, newcomer)).toEqual([]);
  });

  it("is also one that is never served", () => {
    expect(kinds({ limit: 1 }, { at: 0, queued: 5 }, newcomer)).toEqual(["overtaken", "waiter lost"]);
    expect(kinds({ limit: 1 }, { at: 0, queued: 5 }, { ...newcomer, priority: 1 })).toEqual(["waiter lost"]);
  });

  it("is not judged where no order is promised", () => {
    expect(kinds({ limit: 1, order: false }, waiter, newcomer)).toEqual([]);
  });
});

describe("a lost waiter", () => {
  it("is not one whose process was killed, nor one that has waited for less than the patience", () => {
    const other = { at: 30, held: [31, 32] } as const;
    expect(kinds({ limit: 1 }, { at: 0, priority: -1 }, other)).toEqual(["waiter lost"]);
    expect(kinds({ limit: 1 }, { at: 0, priority: -1, fate: { killedAt: 20 } }, other)).toEqual([]);
    expect(kinds({ limit: 1, patienceMs: 32 }, { at: 0, priority: -1 }, other)).toEqual([]);
  });
});

describe("the longest time stuck", () => {
  it("is how long a permit lay idle while somebody waited", () => {
    const dead = { at: 0, held: [1, 90], fate: { killedAt: 10 } } as const;
    expect(report({ limit: 1 }, dead, { at: 2, held: [60, 61] }).stuck).toEqual({ from: 10, to: 60, ms: 50 });
  });

  it("is not what everybody waits while there is no room, nor for one who is stopped", () => {
    const holder = { at: 0, held: [1, 59], released: 60 } as const;
    expect(report({ limit: 1 }, holder, { at: 2, held: [60, 61] }).stuck.ms).toBe(1);
    const fate = { pauses: [{ from: 5, to: 59 }] };
    const dead = { at: 0, held: [1, 90], fate: { killedAt: 10 } } as const;
    expect(report({ limit: 1 }, dead, { at: 2, held: [60, 61], fate }).stuck.ms).toBe(1);
  });

  it("starts anew with each grant, and counts from the end of an outage", () => {
    const dead = { at: 0, held: [1, 90], permits: 3, fate: { killedAt: 10 } } as const;
    const waiters: Call[] = [
      { at: 2, held: [40, 41] },
      { at: 2, held: [60, 61] },
    ];
    expect(report({ limit: 3 }, dead, ...waiters).stuck).toMatchObject({ from: 10, to: 40 });
    const outages = [{ from: 9, to: 35 }];
    expect(report({ limit: 3, outages }, dead, ...waiters).stuck).toMatchObject({ from: 40, to: 60 });
  });

  it("is not counted for a small one behind a large one that has no room", () => {
    const holder = { at: 0, held: [1, 59], released: 60 } as const;
    const large = { at: 2, held: [62, 70], permits: 3, released: 71 } as const;
    expect(report({ limit: 3 }, holder, large, { at: 3, held: [71, 72] }).stuck.ms).toBeLessThanOrEqual(3);
  });
});

describe("a report", () => {
  it("names in a line each what was found", () => {
    const found = report({ limit: 1 }, { at: 0, held: [1, 9], fence: 5 }, { at: 2, held: [3, 7], fence: 4 });
    expect(describeReport(found).split("\n")).toEqual([
      "over: 2 permits were believed in under a limit of 1, for 4.000 ms from 3, when p2#1 was granted",
      "fence went back: p1#1 had 5 before p2#1 was asked for, which got 4",
      "not linearizable: no order explains more than 0 operations; then none of these fits: the grant of p1#1 (1 permits)",
    ]);
  });
});
