import { describe, expect, it } from "vitest";
import { closingLine, standingLine } from "../../src/endless/lines.js";
import { Tally } from "../../src/endless/tally.js";
import { nothing } from "../../src/endless/worker/counts.js";
import { workloads } from "../../src/endless/workloads.js";

/** A tally whose clock the test sets. */
function tallyAt(start: number) {
  let now = start;
  return { tally: new Tally(() => now), at: (ms: number) => (now = ms) };
}

const upstreams = workloads.map(({ limit }, index) => ({
  limit,
  running: index,
  highest: limit,
  refused: 0,
  completed: 0,
}));

describe("the tally of a load", () => {
  it("works while tasks are done, and no longer than a recovery after the last one", () => {
    const { tally, at } = tallyAt(0);
    expect(tally.standing().isWorking).toBe(false);
    tally.add({ ...nothing, done: 3 });
    at(29_999);
    expect(tally.standing().isWorking).toBe(true);
    tally.add({ ...nothing, timedOut: 1, failed: 1, reason: "away" });
    at(30_000);
    expect(tally.standing().isWorking).toBe(false);
  });

  it("adds up what workers did, and keeps why the last task failed", () => {
    const { tally } = tallyAt(0);
    tally.add({ done: 3, timedOut: 1, failed: 1, reason: "away" });
    tally.add({ ...nothing, done: 4 });
    tally.noteKilled();
    tally.noteFailure("demo 1 ended (code 1)");
    const expected = { done: 7, timedOut: 1, failed: 2, killed: 1, reason: "demo 1 ended (code 1)" };
    expect(tally.standing()).toMatchObject(expected);
  });
});

describe("a line about a load", () => {
  it("tells how the upstreams are used, what was done, and that none refused a call", () => {
    const { tally, at } = tallyAt(1_000);
    tally.add({ ...nothing, done: 812, timedOut: 3 });
    tally.observe(upstreams);
    at(61_200);
    expect(standingLine(tally.standing())).toBe(
      "  60 s  checkout-api 0/10  report-export 1/4  gpu-batch 2/8  nightly-import 3/2  done 812  timed out 3  killed 0  429s 0",
    );
    expect(closingLine(tally.standing())).toBe(
      "Stopped after 812 tasks in 60 s: no upstream ever refused a call.",
    );
  });

  it("tells of a failure once, with its reason", () => {
    const { tally } = tallyAt(0);
    tally.noteFailure("away");
    const before = tally.standing();
    expect(standingLine(before)).toMatch(/429s 0 {2}failed 1: away$/);
    expect(standingLine(tally.standing(), before)).toMatch(/429s 0$/);
  });

  it("at the end tells of calls that were refused", () => {
    const { tally } = tallyAt(0);
    tally.observe(upstreams.map((upstream) => ({ ...upstream, refused: 2 })));
    expect(closingLine(tally.standing())).toContain("upstreams refused 8 calls. Was a limit raised?");
  });
});
