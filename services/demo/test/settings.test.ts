import { describe, expect, it } from "vitest";
import { idealMs, parseSettings, type Settings, taskCount, UsageError, usage } from "../src/settings.js";

const DEFAULTS: Settings = { redisUrl: undefined, processes: 4, tasks: 25, limit: 10, taskMs: 1_000 };

describe("parseSettings", () => {
  it("runs 4 processes of 25 one-second tasks under a limit of 10 unless told otherwise", () => {
    expect(parseSettings([])).toEqual(DEFAULTS);
  });

  it("takes every option, with a space or an equals sign", () => {
    const args = ["--redis", "redis://h:1", "--processes", "3", "--tasks=4", "--limit", "2", "--task-ms=50"];
    expect(parseSettings(args)).toEqual({
      redisUrl: "redis://h:1",
      processes: 3,
      tasks: 4,
      limit: 2,
      taskMs: 50,
    });
  });

  it.each(["redis://h:1", "rediss://u:p@h:1/2"])("accepts the Redis URL %s", (url) => {
    expect(parseSettings(["--redis", url])).toMatchObject({ redisUrl: url });
  });

  it.each([["--help"], ["-h"]])("answers %s with help", (option) => {
    expect(parseSettings([option])).toBe("help");
  });

  it.each([
    [["--limit", "0"], '--limit must be a whole number from 1 to 1000; got "0"'],
    [["--limit", "ten"], '--limit must be a whole number from 1 to 1000; got "ten"'],
    [["--processes", "1.5"], '--processes must be a whole number from 1 to 32; got "1.5"'],
    [["--tasks", "1e2"], '--tasks must be a whole number from 1 to 1000; got "1e2"'],
    [["--tasks="], '--tasks must be a whole number from 1 to 1000; got ""'],
    [["--task-ms", "60001"], '--task-ms must be a whole number from 1 to 60000; got "60001"'],
    [["--processes", "9", "--tasks=1000"], "--processes times --tasks must be at most 8000; got 9 x 1000"],
    [["--redis", "localhost"], '--redis must be a URL such as redis://localhost:6379; got "localhost"'],
    [["--redis", "http://h"], '--redis must be a URL such as redis://localhost:6379; got "http://h"'],
  ])("refuses %j and says what it expected", (args, message) => {
    expect(() => parseSettings(args)).toThrow(new UsageError(message));
  });

  it.each([[["--speed", "9"]], [["extra"]], [["--limit"]], [["--limit", "-3"]]])("refuses %j", (args) => {
    expect(() => parseSettings(args)).toThrow(UsageError);
  });
});

describe("the ideal", () => {
  it("counts whole rounds of the limit", () => {
    expect(idealMs(DEFAULTS)).toBe(10_000);
    expect(idealMs({ ...DEFAULTS, limit: 99 })).toBe(2_000);
    expect(idealMs({ ...DEFAULTS, limit: 1_000 })).toBe(1_000);
  });

  it("covers the tasks of all processes", () => {
    expect(taskCount(DEFAULTS)).toBe(100);
  });
});

describe("usage", () => {
  it("names every option with its default, within 80 columns", () => {
    for (const option of [
      "--redis URL",
      "--processes P",
      "--tasks T",
      "--limit N",
      "--task-ms MS",
      "--help",
    ]) {
      expect(usage()).toContain(`  ${option}`);
    }
    expect(usage()).toMatch(/--limit N .*\(10\)/);
    for (const line of usage().split("\n")) expect(line.length).toBeLessThanOrEqual(80);
  });
});
