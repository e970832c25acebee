import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Granted, HistoryEvent } from "../../src/history/events.js";
import type { Finding } from "../../src/history/findings.js";
import type { Acquire, History } from "../../src/history/history.js";
import { judge } from "../../src/history/judge.js";
import type { Waiter } from "./fair-server.js";
import { type Generated, generate, historyOf, type World } from "./generated.js";
import { worlds } from "./worlds.js";

/** Histories in which everybody lived, so that every fault can be planted. */
const lively = worlds.map((world) => ({ ...world, kills: false, calls: world.calls + 10 }));

/** Plants one fault in each of many honest histories, and expects it to be found. What cannot be planted is skipped. */
function expectFound(
  kind: Finding["kind"],
  plant: (generated: Generated, history: History, world: World) => Generated | undefined,
  check: (finding: Finding, world: World) => void = () => undefined,
): void {
  let planted = 0;
  const property = fc.property(lively, (world) => {
    const generated = generate(world);
    const faulty = plant(generated, historyOf(generated), world);
    fc.pre(faulty !== undefined);
    planted += 1;
    const { findings } = judge(historyOf(faulty), { limit: world.limit });
    const found = findings.find((finding) => finding.kind === kind);
    expect(found, JSON.stringify(findings)).toBeDefined();
    if (found) check(found, world);
  });
  fc.assert(property, { numRuns: 100, maxSkipsPerRun: 50 });
  expect(planted).toBeGreaterThan(0);
}

describe("a planted fault is found:", () => {
  it("an overlap of one permit for 2 ms", () => {
    expectFound(
      "over",
      (generated, history, { limit }) => {
        const full = momentAtLimit(history, limit, 2);
        return full === undefined
          ? undefined
          : { ...generated, logs: [...generated.logs, intruder(full, 2)] };
      },
      (finding, { limit }) => {
        if (finding.kind !== "over") return;
        expect(finding.permits).toBe(limit + 1);
        expect(finding.to - finding.from).toBeCloseTo(2, 6);
      },
    );
  });

  it("a waiter that nobody answers", () => {
    expectFound("waiter lost", (generated, history) => {
      const lost = history.acquires.find(
        ({ outcome, waitMs }) => outcome === "granted" && waitMs === Infinity,
      );
      return (
        lost && mapEvents(generated, (event) => (concerns(event, lost) ? undefined : event), lost.process)
      );
    });
  });

  it("an overtaking of one who was known to be queued", () => {
    expectFound("overtaken", (_, __, world) => {
      const cheat = cheatOnce();
      const unfair = generate({ ...world, pick: cheat.pick });
      return cheat.done ? unfair : undefined;
    });
  });

  it("a fence that repeats", () => {
    expectFound("fence repeated", (generated, { acquires }) => {
      const [one, other] = acquires.filter(({ fence }) => fence !== undefined);
      return other && withGrant(generated, other, { fence: one?.fence });
    });
  });

  it("a fence that goes back", () => {
    expectFound("fence went back", (generated, { acquires }) => {
      const [earlier, later] = inTurn(acquires) ?? [];
      if (earlier === undefined || later === undefined) return undefined;
      const once = withGrant(generated, earlier, { fence: later.fence });
      return withGrant(once, later, { fence: earlier.fence });
    });
  });

  it("one lease that is granted twice", () => {
    expectFound("lease granted twice", (generated, { acquires }) => {
      const [one, other] = acquires.filter(({ outcome }) => outcome === "granted");
      return other && withGrant(generated, other, { lease: one?.lease as string });
    });
  });
});

/** Once lets somebody go first who asked for a lease when the first in the queue was known to be there. */
function cheatOnce() {
  const cheat = {
    done: false,
    pick: (queue: readonly Waiter[], fits: (waiter: Waiter) => boolean) => {
      const [first] = queue;
      if (cheat.done || !first?.patient) return 0;
      const place = queue.findLastIndex(
        (waiter) =>
          waiter.patient &&
          waiter.askedAt > first.seenAt &&
          waiter.priority <= first.priority &&
          fits(waiter),
      );
      cheat.done = place > 0;
      return Math.max(place, 0);
    },
  };
  return cheat;
}

/** Some moment from which on all permits are believed in for so long. */
function momentAtLimit({ acquires }: History, limit: number, lastingMs: number): number | undefined {
  const beliefs = acquires.flatMap(({ beliefs, permits }) =>
    beliefs.map((belief) => ({ ...belief, permits })),
  );
  return beliefs
    .map(({ from }) => from)
    .find((moment) => {
      const through = beliefs.filter(({ from, to }) => from <= moment && to >= moment + lastingMs);
      return through.reduce((sum, { permits }) => sum + permits, 0) === limit;
    });
}

/** A process that believes in one permit for so long. */
function intruder(from: number, lastingMs: number): HistoryEvent[] {
  const lease = "intruder-1";
  return [
    { kind: "began", at: from - 1, process: "intruder", semaphore: "api" },
    { kind: "invoke", at: from - 1, call: 1, permits: 1, priority: 0 },
    { kind: "ok", at: from, call: 1, lease, until: from + 50 },
    { kind: "release", at: from + lastingMs, lease },
    { kind: "released", at: from + lastingMs + 1, lease, held: true },
  ];
}

/** Two leases the second of which was asked for when the first was in hand. */
function inTurn(acquires: readonly Acquire[]): [Acquire, Acquire] | undefined {
  const granted = acquires.filter(({ outcome }) => outcome === "granted");
  const earlier = granted.reduce<Acquire | undefined>(
    (first, next) => (first && first.answeredAt <= next.answeredAt ? first : next),
    undefined,
  );
  const later = granted.find(({ invokedAt }) => earlier && invokedAt > earlier.answeredAt);
  return earlier && later && [earlier, later];
}

function withGrant(generated: Generated, { process, call }: Acquire, change: Partial<Granted>): Generated {
  const alter = (event: HistoryEvent) =>
    event.kind === "ok" && event.call === call ? { ...event, ...change } : event;
  return mapEvents(generated, alter, process);
}

/** Whether an event is the answer to this acquire, or about its lease. */
function concerns(event: HistoryEvent, { call, lease }: Acquire): boolean {
  return (event.kind === "ok" && event.call === call) || ("lease" in event && event.lease === lease);
}

function mapEvents(
  { logs, fates }: Generated,
  alter: (event: HistoryEvent) => HistoryEvent | undefined,
  process: string,
): Generated {
  const altered = logs.map((log) => {
    const [began] = log;
    if (began?.kind !== "began" || began.process !== process) return log;
    return log.map(alter).filter((event) => event !== undefined);
  });
  return { logs: altered, fates };
}
