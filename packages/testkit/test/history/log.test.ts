import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { assembleHistory } from "../../src/history/assemble.js";
import { monotonicMs, onHostClock } from "../../src/history/clock.js";
import type { HistoryEvent } from "../../src/history/events.js";
import type { Fate } from "../../src/history/history.js";
import { HistoryLog } from "../../src/history/log.js";
import { eventsIn, readHistory } from "../../src/history/read.js";

const folder = mkdtempSync(join(tmpdir(), "sluice-log-"));
afterAll(() => rmSync(folder, { recursive: true }));

const began = { kind: "began", at: 0, process: "p1", semaphore: "api" } as const;
const invoked = { kind: "invoke", at: 0, call: 1, permits: 1, priority: 0 } as const;
const granted = { kind: "ok", at: 1, call: 1, lease: "a", fence: 7, until: 100 } as const;

/** From when until when the lease of such a log was believed in. */
function beliefs(events: readonly HistoryEvent[], fate?: Omit<Fate, "process">): [number, number][] {
  const fates = fate === undefined ? [] : [{ process: "p1", ...fate }];
  const { acquires } = assembleHistory([[began, invoked, granted, ...events]], fates);
  return acquires.flatMap((acquire) => acquire.beliefs.map(({ from, to }): [number, number] => [from, to]));
}

describe("a log", () => {
  it("says what was written, and leaves out a line that a kill has torn", () => {
    const path = join(folder, "torn.log");
    const log = new HistoryLog(path, "p1", "api");
    log.write(invoked);
    log.write(granted);
    appendFileSync(path, '{"kind":"rele');
    expect([...eventsIn(path)].slice(1)).toEqual([invoked, granted]);
    expect(readHistory([path])).toMatchObject({ semaphore: "api", acquires: [{ lease: "a", fence: 7 }] });
  });

  it("is read whole where it is longer than what is read at once", () => {
    const path = join(folder, "long.log");
    const log = new HistoryLog(path, "p1", "api");
    for (let call = 1; call <= 30_000; call++) log.write({ ...invoked, call });
    expect([...eventsIn(path)].map((event) => ("call" in event ? event.call : 0))).toEqual(
      Array.from({ length: 30_001 }, (_, index) => index),
    );
  });

  it("belongs to one life of one process, and one history to one semaphore", () => {
    const path = join(folder, "twice.log");
    new HistoryLog(path, "p1", "api");
    expect(() => new HistoryLog(path, "p1", "api")).toThrow("EEXIST");
    expect(() => readHistory([path, path])).toThrow('two logs are of the process "p1"');
    const other = { ...began, process: "p2", semaphore: "other" };
    expect(() => assembleHistory([[began], [other]])).toThrow("several semaphores: api, other");
    expect(() => assembleHistory([[invoked]])).toThrow('begins with "invoke"');
  });
});

describe("a belief", () => {
  const keep = (at: number, until: number) => ({ kind: "keep", at, lease: "a", until }) as const;
  const lost = (at: number) => ({ kind: "lost", at, lease: "a" }) as const;
  const release = (at: number) => ({ kind: "release", at, lease: "a" }) as const;

  it("lasts until the end of the validity, later with each renewal", () => {
    expect(beliefs([])).toEqual([[1, 100]]);
    expect(beliefs([keep(30, 130), keep(60, 160)])).toEqual([[1, 160]]);
  });

  it("ends when the release begins or the loss is told, whatever late answers say", () => {
    expect(beliefs([release(50), keep(51, 150)])).toEqual([[1, 50]]);
    expect(beliefs([lost(50), keep(51, 150), release(60)])).toEqual([[1, 50]]);
    expect(beliefs([lost(120)])).toEqual([[1, 100]]);
  });

  it("has a gap between the end of the validity and a late renewal", () => {
    expect(beliefs([keep(110, 200)])).toEqual([
      [1, 100],
      [110, 200],
    ]);
  });

  it("ends earlier where the store takes back what it had said, and not before that is known", () => {
    expect(beliefs([keep(30, 60)])).toEqual([[1, 60]]);
    expect(beliefs([keep(30, 20)])).toEqual([[1, 30]]);
  });

  it("ends with its process, and outlasts a stop", () => {
    expect(beliefs([], { killedAt: 40 })).toEqual([[1, 40]]);
    expect(beliefs([], { killedAt: 0.5 })).toEqual([]);
    expect(beliefs([{ kind: "ended", at: 70 }])).toEqual([[1, 70]]);
    expect(beliefs([], { pauses: [{ from: 10, to: 500 }] })).toEqual([[1, 100]]);
  });

  it("is none where the validity was over before the lease was in hand", () => {
    const late = { ...granted, at: 101 };
    expect(assembleHistory([[began, invoked, late]]).acquires[0]?.beliefs).toEqual([]);
  });
});

describe("the host's clock", () => {
  it("is never behind a moment of this process that is put on it, and hardly ahead", () => {
    const put = onHostClock(performance.now());
    const now = monotonicMs();
    expect(put).toBeLessThanOrEqual(now);
    const later = onHostClock(performance.now());
    expect(later).toBeGreaterThan(now - 1);
  });
});
