import { describe, expect, it } from "vitest";
import { Progress } from "../src/progress.js";

const part = { number: 2, title: "title", note: "note" } as const;
const settings = { redisUrl: undefined, processes: 2, tasks: 1, limit: 1, taskMs: 50 };

describe("Progress", () => {
  it("measures from the word to go to the last completion, not to the end of the processes", () => {
    const progress = new Progress(part, settings);
    expect(progress.status(5).elapsedMs).toBeUndefined();
    progress.begin(100);
    expect(progress.status(130).elapsedMs).toBe(30);
    progress.record(1, { event: "task", task: 1, state: "done" }, 160);
    progress.record(2, { event: "task", task: 1, state: "done" }, 220);
    expect(progress.status(900).elapsedMs).toBe(120);
    expect(progress.result()).toMatchObject({ makespanMs: 120, done: 2, failures: [] });
  });

  it("does not count a failed task as done, and keeps its reason once", () => {
    const progress = new Progress(part, settings);
    progress.begin(0);
    progress.record(1, { event: "task", task: 1, state: "failed", reason: "Error: no" }, 10);
    progress.record(2, { event: "task", task: 1, state: "failed", reason: "Error: no" }, 20);
    expect(progress.result()).toMatchObject({ makespanMs: 20, done: 0, failures: ["Error: no"] });
  });

  it("takes back a completion whose task failed after all", () => {
    const progress = new Progress(part, settings);
    progress.begin(0);
    progress.record(1, { event: "task", task: 1, state: "done" }, 10);
    progress.record(1, { event: "task", task: 1, state: "failed", reason: "Error: lost" }, 20);
    expect(progress.status(90).elapsedMs).toBe(90);
    expect(progress.result()).toMatchObject({ done: 0, failures: ["Error: lost"] });
  });
});
