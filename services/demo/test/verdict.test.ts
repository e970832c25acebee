import { describe, expect, it } from "vitest";
import type { PartResult } from "../src/progress.js";
import type { Settings } from "../src/settings.js";
import { faults } from "../src/verdict.js";

const settings: Settings = { redisUrl: undefined, processes: 4, tasks: 25, limit: 10, taskMs: 1_000 };

function result(upstream: Partial<PartResult["upstream"]> = {}, rest: Partial<PartResult> = {}): PartResult {
  const record = { limit: 10, running: 0, highest: 10, refused: 0, completed: 100, ...upstream };
  return { makespanMs: 10_050, done: 100, failures: [], ...rest, upstream: record };
}

describe("faults", () => {
  it("finds none where the limit was kept and every task was done", () => {
    expect(faults(result(), settings)).toEqual([]);
  });

  it("finds a limit that was exceeded by one", () => {
    const found = faults(result({ highest: 11 }), settings);
    expect(found).toEqual(["The limit of 10 was exceeded: the upstream saw 11 calls at once."]);
  });

  it("finds a single refusal, though its task was done in the end", () => {
    expect(faults(result({ refused: 1 }), settings)).toEqual(["Calls that the upstream refused: 1."]);
  });

  it("counts a task as lost that the upstream never answered, whatever the apps say, and tells why", () => {
    const found = faults(result({ completed: 98 }, { failures: ["app 2 ended early (SIGKILL)"] }), settings);
    expect(found).toEqual(["Tasks lost: 2 of 100.", "app 2 ended early (SIGKILL)"]);
  });

  it("counts a task as lost whose app never saw the answer", () => {
    expect(faults(result({}, { done: 99 }), settings)).toEqual(["Tasks lost: 1 of 100."]);
  });

  it("reports a process that ended badly, though all tasks were done", () => {
    expect(faults(result({}, { failures: ["app 1 ended early (code 1)"] }), settings)).toEqual([
      "app 1 ended early (code 1)",
    ]);
  });

  it("does not blame a slow run", () => {
    expect(faults(result({}, { makespanMs: 60_000 }), settings)).toEqual([]);
  });
});
