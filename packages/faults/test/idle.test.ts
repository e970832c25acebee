import { assembleHistory, type Fate, type HistoryEvent, type Span } from "@sluice/testkit";
import { describe, expect, it } from "vitest";
import { longestIdle } from "../src/idle.js";

/** A process's log, of acquires that are asked for, granted and let go at these moments; Infinity: never. */
function log(process: string, ...leases: readonly (readonly [asked: number, from: number, to: number])[]) {
  const events = leases.flatMap(([asked, from, to], call): HistoryEvent[] => [
    { kind: "invoke", at: asked, call, permits: 1, priority: 0 },
    { kind: "ok", at: from, call, lease: `${process}-${call}`, fence: from, until: 10_000 },
    { kind: "release", at: to, lease: `${process}-${call}` },
  ]);
  const told = events.filter(({ at }) => at !== Number.POSITIVE_INFINITY);
  return [
    { kind: "began", at: 0, process, semaphore: "api" } as const,
    ...told.sort((one, other) => one.at - other.at),
    { kind: "ended", at: 1_000 } as const,
  ];
}

function idle(logs: readonly (readonly HistoryEvent[])[], outages: Span[] = [], fates: Fate[] = []) {
  const { from, to } = longestIdle(assembleHistory(logs, fates), 2, outages);
  return [from, to];
}

const never = Number.POSITIVE_INFINITY;

describe("a permit", () => {
  it("does not lie idle while nobody waits", () => {
    expect(idle([log("a", [0, 0, 100], [200, 200, 300])])).toEqual([0, 0]);
  });

  it("lies idle from when somebody waits for it until somebody has it", () => {
    expect(idle([log("a", [0, 0, 500]), log("b", [100, 350, 400])])).toEqual([100, 350]);
  });

  it("lies idle also while the other one goes from hand to hand", () => {
    const busy = [log("a", [0, 0, 100], [0, 100, 200], [0, 200, 300], [0, 300, 400])];
    expect(idle([...busy, log("b", [50, 450, 500])])).toEqual([0, 450]);
  });

  it("is not idle when one belief begins as the other ends", () => {
    const first = log("a", [0, 0, 100], [0, 0, 500]);
    expect(idle([first, log("b", [50, 100, 200])])).toEqual([0, 0]);
  });

  it("does not lie idle while the store is away", () => {
    const logs = [log("a", [0, 0, 500]), log("b", [100, 350, 400])];
    expect(idle(logs, [{ from: 90, to: 200 }])).toEqual([200, 350]);
  });

  it("is not waited for by those who are stopped, or dead", () => {
    const waits = log("b", [100, never, never]);
    const stopped = { process: "b", pauses: [{ from: 120, to: 400 }] };
    const stillThere = log("a", [0, 0, 900]);
    expect(idle([stillThere, waits.slice(0, 2)], [], [{ process: "b", killedAt: 150 }])).toEqual([100, 150]);
    expect(idle([stillThere, log("b", [100, 450, 500])], [], [stopped])).toEqual([400, 450]);
  });
});
