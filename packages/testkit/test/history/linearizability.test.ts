import { describe, expect, it } from "vitest";
import { Limits } from "../../src/history/limits.js";
import { explain } from "../../src/history/linearizability.js";
import { type Call, scene } from "./scenes.js";

function explains(limit: number, ...calls: Call[]): boolean {
  const model = { limits: new Limits(limit), fences: true, outages: [] };
  return explain(scene(...calls), model).found === true;
}

describe("the search for an order", () => {
  it("finds that of leases that follow each other", () => {
    expect(explains(1, { at: 0, held: [1, 5], released: 6 }, { at: 0, held: [6, 9], released: 10 })).toBe(
      true,
    );
  });

  it("takes operations that overlap in whatever order explains them", () => {
    // The second is granted before the first, whose call began earlier; so its fence is lower.
    const first = { at: 0, held: [8, 9], fence: 2 } as const;
    expect(explains(1, first, { at: 1, held: [2, 4], released: 7, fence: 1 })).toBe(true);
    expect(explains(1, { ...first, fence: 1 }, { at: 1, held: [2, 4], released: 7, fence: 2 })).toBe(false);
  });

  it("finds none for two who hold one permit", () => {
    expect(explains(1, { at: 0, held: [1, 5], released: 6 }, { at: 2, held: [3, 9], released: 10 })).toBe(
      false,
    );
    expect(explains(2, { at: 0, held: [1, 5], released: 6 }, { at: 2, held: [3, 9], released: 10 })).toBe(
      true,
    );
  });

  it("counts permits", () => {
    const three = { at: 0, held: [1, 5], released: 6, permits: 3 } as const;
    expect(explains(4, three, { at: 2, held: [3, 9], permits: 2 })).toBe(false);
    expect(explains(5, three, { at: 2, held: [3, 9], permits: 2 })).toBe(true);
  });

  it("lets a lease that was not released end when it is no longer believed, and not before", () => {
    expect(explains(1, { at: 0, held: [1, 5] }, { at: 2, held: [6, 9] })).toBe(true);
    expect(explains(1, { at: 0, held: [1, 7] }, { at: 2, held: [6, 9] })).toBe(false);
  });

  it("finds no reason for a refusal while nothing is held", () => {
    const refused = { at: 8, refused: 9 } as const;
    expect(explains(1, refused)).toBe(false);
    expect(explains(1, { at: 0, held: [1, 5], released: 6 }, refused)).toBe(false);
    expect(explains(1, { at: 0, held: [1, 10] }, refused)).toBe(true);
    expect(explains(2, { at: 0, held: [1, 10] }, refused)).toBe(false);
  });

  it("lets a lease that may have lapsed be the reason for a refusal, or not", () => {
    expect(explains(1, { at: 0, held: [1, 5] }, { at: 8, refused: 9 })).toBe(true);
    expect(explains(1, { at: 0, held: [1, 5] }, { at: 6, held: [7, 8], released: 8.5 })).toBe(true);
  });

  it("tells what did not fit", () => {
    const model = { limits: new Limits(1), fences: true, outages: [] };
    const history = scene({ at: 0, held: [1, 5], released: 6 }, { at: 2, held: [3, 9], released: 10 });
    expect(explain(history, model).findings).toEqual([
      { kind: "not linearizable", longestPrefix: 1, stuckAt: ["the grant of p2#1 (1 permits)"] },
    ]);
  });
});
