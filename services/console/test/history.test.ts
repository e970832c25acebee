import { describe, expect, it } from "vitest";
import { Histories } from "../src/history/histories.js";
import { History, type Sample, unknown, WINDOW_MS } from "../src/history/history.js";
import { outlineOf } from "../src/history/outline.js";
import { semaphoresOf, toldOf } from "./statuses.js";

function historyOf(...samples: readonly (readonly [at: number, inUse: number])[]): History {
  const history = new History();
  for (const [at, inUse] of samples) history.add({ at, inUse, limit: 4, waiting: 0, isKnown: true });
  return history;
}

const ats = (history: History, from: number) => history.since(from).map(({ at }) => at);

describe("a history", () => {
  it("keeps changes alone", () => {
    expect(ats(historyOf([0, 1], [1_000, 1], [2_000, 3], [3_000, 3]), 0)).toEqual([0, 2_000]);
  });

  it("begins with what held when the time asked for begins", () => {
    const history = historyOf([0, 1], [1_000, 2], [5_000, 3]);
    expect(ats(history, 4_000)).toEqual([1_000, 5_000]);
    expect(ats(history, 5_000)).toEqual([5_000]);
    expect(ats(history, 9_000)).toEqual([5_000]);
    expect(ats(history, -1)).toEqual([0, 1_000, 5_000]);
  });

  it("keeps what held at the beginning of the window, and forgets what was before", () => {
    const history = historyOf([0, 1], [1_000, 2], [2_000, 3], [WINDOW_MS + 1_500, 4]);
    expect(ats(history, -1)).toEqual([1_000, 2_000, WINDOW_MS + 1_500]);
  });

  it("keeps what has held for longer than the window, however long", () => {
    expect(ats(historyOf([0, 1], [10 * WINDOW_MS, 2]), -1)).toEqual([0, 10 * WINDOW_MS]);
  });

  it("holds a change every second of the window, for as long as the page is open", () => {
    const seconds = 1_000;
    const history = historyOf(...Array.from({ length: seconds }, (_, at) => [at * 1_000, at] as const));
    const from = (seconds - 1) * 1_000 - WINDOW_MS;
    expect(ats(history, from)).toHaveLength(WINDOW_MS / 1_000 + 1);
    expect(history.latest).toEqual({ at: 999_000, inUse: 999, limit: 4, waiting: 0, isKnown: true });
  });

  it("forgets the oldest where changes come faster than that", () => {
    const history = historyOf(...Array.from({ length: 5_000 }, (_, at) => [at, at] as const));
    expect(history.size).toBeLessThan(1_000);
    expect(ats(history, 0).at(-1)).toBe(4_999);
  });
});

describe("the histories", () => {
  const idle = toldOf("idle", { inUse: 1 });

  it("follow what is told anew, and forget what is gone", () => {
    const histories = new Histories();
    histories.record(semaphoresOf(idle, toldOf("busy", { inUse: 1 })), 0);
    histories.record(semaphoresOf(idle, toldOf("busy", { inUse: 2 })), 1_000);
    expect(histories.of("idle")?.size).toBe(1);
    expect(histories.of("busy")?.latest).toMatchObject({ at: 1_000, inUse: 2 });
    histories.record(semaphoresOf(idle), 2_000);
    expect(histories.of("busy")).toBeUndefined();
  });

  it("have a gap from when nobody told anything until somebody does, also where nothing has changed", () => {
    const histories = new Histories();
    histories.record(semaphoresOf(idle), 0);
    histories.pause(1_000);
    histories.pause(2_000);
    expect(histories.of("idle")?.latest).toEqual({ at: 1_000, ...unknown });
    histories.record(semaphoresOf(idle), 5_000);
    expect(histories.of("idle")?.since(0)).toMatchObject([
      { at: 0, inUse: 1, isKnown: true },
      { at: 1_000, isKnown: false },
      { at: 5_000, inUse: 1, isKnown: true },
    ]);
  });
});

describe("the outline of a history", () => {
  const frame = { width: 100, height: 12 };
  const known = (sample: Omit<Sample, "isKnown">): Sample => ({ ...sample, isKnown: true });

  it("goes in steps, up to where the limit is", () => {
    const samples = [
      known({ at: 0, inUse: 2, limit: 4, waiting: 0 }),
      known({ at: 50, inUse: 4, limit: 4, waiting: 0 }),
    ];
    expect(outlineOf(samples, 0, 100, frame)).toEqual({
      inUse: "M0 12V7H50V2H100V12Z",
      waiting: "",
      limit: "M0 2H100",
      most: 4,
    });
  });

  it("marks the time in which somebody waited, also where nothing is in use", () => {
    const samples = [
      known({ at: 0, inUse: 0, limit: 0, waiting: 0 }),
      known({ at: 20, inUse: 0, limit: 0, waiting: 3 }),
      known({ at: 60, inUse: 0, limit: 0, waiting: 0 }),
    ];
    expect(outlineOf(samples, 0, 100, frame)).toMatchObject({ inUse: "", waiting: "M20 12V10H60V12Z" });
  });

  it("follows a limit that changes, and leaves room for who is above it", () => {
    const samples = [
      known({ at: 0, inUse: 8, limit: 8, waiting: 0 }),
      known({ at: 50, inUse: 8, limit: 4, waiting: 0 }),
    ];
    expect(outlineOf(samples, 0, 100, frame)).toMatchObject({ limit: "M0 2H50V7H100", most: 8 });
  });

  it("draws nothing where nothing is known, as if no limit were there", () => {
    const samples = [
      known({ at: 0, inUse: 4, limit: 4, waiting: 1 }),
      { at: 20, ...unknown },
      known({ at: 80, inUse: 4, limit: 4, waiting: 0 }),
    ];
    expect(outlineOf(samples, 0, 100, frame)).toEqual({
      inUse: "M0 12V2H20V12ZM80 12V2H100V12Z",
      waiting: "M0 12V2H20V12Z",
      limit: "M0 2H20M80 2H100",
      most: 4,
    });
  });

  it("cuts off what was before, and draws nothing where nothing is known", () => {
    expect(outlineOf([known({ at: -50, inUse: 1, limit: 1, waiting: 0 })], 0, 100, frame).inUse).toBe(
      "M0 12V2H100V12Z",
    );
    expect(outlineOf([], 0, 100, frame)).toEqual({ inUse: "", waiting: "", limit: "", most: 1 });
  });
});
