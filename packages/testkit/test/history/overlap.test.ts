import { describe, expect, it } from "vitest";
import { highestOverlap } from "../../src/history/overlap.js";

describe("the highest overlap", () => {
  it("is 0 of nothing, and of what lasted no time", () => {
    expect(highestOverlap([])).toBe(0);
    expect(highestOverlap([{ from: 5, to: 5, permits: 3 }])).toBe(0);
  });

  it("does not count what begins as another ends", () => {
    const beliefs = [
      { from: 0, to: 10, permits: 1 },
      { from: 10, to: 20, permits: 1 },
    ];
    expect(highestOverlap(beliefs)).toBe(1);
  });

  it("finds an overlap of a moment in a long history", () => {
    const beliefs = Array.from({ length: 10_000 }, (_, index) => ({
      from: index * 10,
      to: index * 10 + 9,
      permits: 2,
    }));
    expect(highestOverlap(beliefs)).toBe(2);
    expect(highestOverlap([...beliefs, { from: 50_008.9, to: 50_009, permits: 3 }])).toBe(5);
  });
});
