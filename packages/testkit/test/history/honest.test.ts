import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { judge } from "../../src/history/judge.js";
import { generate, historyOf } from "./generated.js";
import { worlds } from "./worlds.js";

describe("an honest history", () => {
  it("is found honest, whatever was delayed, lost or killed", () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const report = judge(historyOf(generate(world)), { limit: world.limit });
        expect(report.findings).toEqual([]);
        expect(report.linearizable).toBe(true);
        expect(report.permitsOver).toBe(0);
        expect(report.highest.permits).toBeLessThanOrEqual(world.limit);
      }),
      { numRuns: 300 },
    );
  });

  it("is counted", () => {
    const { counts, highest, longestWaitMs } = judge(
      historyOf(generate({ seed: 1, limit: 2, processes: 3, calls: 40, kills: false })),
      { limit: 2 },
    );
    expect(highest.permits).toBe(2);
    expect(counts.acquires).toBe(120);
    expect(counts.granted + counts.failed).toBe(120);
    expect(counts.lost).toBeGreaterThan(0);
    expect(longestWaitMs).toBeGreaterThan(0);
  });
});
