import { describe, expect, it } from "vitest";
import { assembleHistory } from "../../src/history/assemble.js";
import type { HistoryEvent } from "../../src/history/events.js";
import { judge } from "../../src/history/judge.js";

const processes = 20;
const leasesOfEach = 25_000;
const tickMs = 1;

/** Each process holds one lease after the other; together they are always as many as there are processes. */
function* logOf(index: number, planted: number | undefined): Generator<HistoryEvent> {
  yield { kind: "began", at: 0, process: `p${index}`, semaphore: "api" };
  for (let call = 1; call <= leasesOfEach; call++) {
    const from = call * processes * tickMs + index * tickMs;
    const lease = `${index}-${call}`;
    // Somebody begins each millisecond as somebody else ends; this one comes 2 ms too early.
    const at = from - (call === planted ? 2 : 0);
    yield { kind: "invoke", at: at - 1, call, permits: 1, priority: 0 };
    yield { kind: "ok", at, call, lease, fence: from, until: from + 10_000 };
    yield { kind: "release", at: from + (processes - 1) * tickMs, lease };
    yield { kind: "released", at: from + (processes - 1) * tickMs + 0.5, lease, held: true };
  }
}

describe("a history of two million events", () => {
  it("is judged as a whole, and hides no overlap of one permit for 2 ms", { timeout: 120_000 }, () => {
    const history = assembleHistory(
      Array.from({ length: processes }, (_, index) => logOf(index, index === 0 ? 17_000 : undefined)),
    );
    const began = performance.now();
    const { findings, counts, permitsOver, overMs } = judge(history, { limit: processes - 1 });
    console.info(`judged ${counts.acquires} acquires in ${(performance.now() - began).toFixed(0)} ms`);
    expect(counts.granted).toBe(processes * leasesOfEach);
    expect(findings.map(({ kind }) => kind)).toEqual(["over"]);
    expect(permitsOver).toBe(1);
    expect(overMs).toBeCloseTo(2, 6);
  });
});
