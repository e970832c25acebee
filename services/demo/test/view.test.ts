import { describe, expect, it } from "vitest";
import type { TaskState } from "../src/app/report.js";
import type { PartStatus } from "../src/progress.js";
import { frame, summary } from "../src/view/frame.js";
import { ranges } from "../src/view/numbers.js";
import { plainLine } from "../src/view/plain.js";
import { comparison } from "../src/view/table.js";
import {
  column,
  counted,
  duration,
  fit,
  type Line,
  measured,
  paint,
  paragraph,
  widthOf,
} from "../src/view/text.js";

const settings = { redisUrl: undefined, processes: 2, tasks: 8, limit: 3, taskMs: 1_000 };

function tasks(text: string): TaskState[] {
  const states: Record<string, TaskState> = {
    d: "done",
    c: "calling",
    r: "refused",
    w: "waiting",
    f: "failed",
  };
  return [...text].map((letter) => states[letter] ?? "waiting");
}

function status(changes: Partial<PartStatus> = {}): PartStatus {
  return {
    part: { number: 2, title: "One semaphore of 3 through Sluice", note: "All processes share it." },
    settings,
    apps: [tasks("ddccwwww"), tasks("dddcwwww")],
    upstream: { limit: 3, running: 3, highest: 3, refused: 0, completed: 5 },
    elapsedMs: 2_345,
    ...changes,
  };
}

function text(lines: readonly Line[]): string {
  return lines.map((line) => paint(line, false)).join("\n");
}

describe("frame", () => {
  it("shows who holds, who waits, what is done, and what the upstream sees", () => {
    const picture = text(frame(status(), { columns: 80, rows: 24 }));
    expect(picture).toContain("2 of 2  One semaphore of 3 through Sluice");
    expect(picture).toContain("5 of 16  2.3 s (ideal 6 s)");
    expect(picture).toContain("3 of 3 running  highest 3  429s 0");
    expect(picture).toMatch(/app 1 {2}██▒▒···· {2}3-4 +4 +2$/m);
    expect(picture).toMatch(/app 2 {2}███▒···· {2}4 +4 +3$/m);
  });

  it("tells refused tasks from running ones without color: they hold a permit too", () => {
    const apps = [tasks("dcrrwwww"), tasks("fcwwwwww")];
    const picture = text(frame(status({ apps }), { columns: 80, rows: 24 }));
    expect(picture).toMatch(/app 1 {2}█▒××···· {2}2-4 +2 +4 +1$/m);
    expect(picture).toMatch(/app 2 {2}!▒······ {2}2 +6 +0$/m);
  });

  it("says that it is starting until all apps are ready", () => {
    const apps = [tasks("wwwwwwww"), tasks("wwwwwwww")];
    const picture = text(frame(status({ apps, elapsedMs: undefined }), { columns: 80, rows: 24 }));
    expect(picture).toContain("0 of 16  starting");
  });

  it.each([40, 45, 60, 80, 132, 300])("stays within %i columns, the last one left free", (columns) => {
    for (const line of frame(status(), { columns, rows: 24 })) expect(widthOf(line)).toBeLessThan(columns);
  });

  it("keeps all counts at 40 columns, and leaves out the strips", () => {
    const upstream = { limit: 10, running: 10, highest: 40, refused: 1234, completed: 5 };
    const apps = [tasks("ddcwcwcw"), tasks("dddcrwww")];
    const picture = text(frame(status({ upstream, apps }), { columns: 40, rows: 24 }));
    expect(picture).toContain("upstream  10/10  highest 40  429s 1234");
    expect(picture).toMatch(/app 1 {2}3 5 7 +3 +2$/m);
    expect(picture).toMatch(/app 2 {2}4-5 +1 +3 +3$/m);
    expect(picture).not.toContain("█");
  });

  it("shows many tasks in a strip of fewer cells, the running ones above all", () => {
    const many = [
      ...Array<TaskState>(499).fill("done"),
      "calling",
      ...Array<TaskState>(500).fill("waiting"),
    ] as const;
    const picture = text(frame(status({ apps: [many] }), { columns: 80, rows: 24 }));
    expect(picture).toMatch(/app 1 {2}█+▒·+ {2}500 /m);
  });

  it("fits the screen's height, and says how many apps it leaves out", () => {
    const apps = Array.from({ length: 32 }, () => tasks("ddccwwww"));
    const lines = frame(status({ apps }), { columns: 80, rows: 24 });
    expect(lines.length).toBe(23);
    expect(text(lines)).toContain("app 12");
    expect(text(lines)).toContain("and 19 more");
  });

  it.each([1, 2, 5, 9, 12])("fits a screen of %i rows, the last one left to the cursor", (rows) => {
    expect(frame(status(), { columns: 80, rows }).length).toBeLessThanOrEqual(Math.max(1, rows - 1));
  });
});

describe("summary", () => {
  it("keeps the title, the progress and the upstream's counts", () => {
    const lines = summary(status({ elapsedMs: 6_030 }), { columns: 80, rows: 24 });
    expect(lines).toHaveLength(3);
    expect(text(lines)).toContain("6.0 s");
  });
});

describe("plainLine", () => {
  it("says all of it in one line, app by app", () => {
    const apps = [tasks("ddcrwwww"), tasks("dddcwwww")];
    expect(plainLine(status({ apps }))).toBe(
      "2 of 2   2.3 s  done 5 of 16  upstream 3 of 3, highest 3, 429s 0  hold 2+1  wait 4+4",
    );
  });

  it("adds up where there are many apps", () => {
    const apps = Array.from({ length: 9 }, () => tasks("cww"));
    expect(plainLine(status({ apps }))).toMatch(/hold 9 {2}wait 18$/);
  });
});

describe("comparison", () => {
  const upstream = { limit: 3, running: 0, highest: 3, refused: 0, completed: 16 };
  const shared = { makespanMs: 6_060, done: 16, failures: [], upstream };
  const own = { ...shared, makespanMs: 7_500, done: 15, upstream: { ...upstream, highest: 6, refused: 21 } };

  it("sets both parts side by side", () => {
    const rows = text(comparison(own, shared, settings, 80))
      .split("\n")
      .map((row) => row.trim().split(/ {2,}/));
    expect(rows).toEqual([
      ["a semaphore each", "through Sluice"],
      ["makespan", "7.50 s", "6.06 s"],
      ["ideal makespan", "6.00 s", "6.00 s"],
      ["makespan / ideal", "1.250", "1.010"],
      ["most calls the upstream saw", "6", "3"],
      ["429s", "21", "0"],
      ["tasks done", "15/16", "16/16"],
    ]);
  });

  it.each([40, 45, 69, 70, 80])("stays within %i columns with every number whole", (columns) => {
    const lines = comparison(own, shared, settings, columns);
    for (const line of lines) expect(widthOf(line)).toBeLessThan(columns);
    expect(text(lines)).toMatch(/tasks done +15\/16 +16\/16$/);
  });
});

describe("text", () => {
  const line: Line = ["plain ", ["red", "red"], " end"];

  it("is cut by what is seen, not by escape sequences", () => {
    expect(paint(fit(line, 8), false)).toBe("plain re");
    expect(paint(fit(line, 8), true)).toBe("plain \x1b[31mre\x1b[39m");
  });

  it("has no escape sequences without color", () => {
    expect(paint(line, false)).toBe("plain red end");
  });

  it("fills a column exactly, and marks what was cut", () => {
    expect(column("ab", 4)).toBe("ab  ");
    expect(column("abcdef", 4)).toBe("abc…");
    expect(column("abcdef", 0)).toBe("");
  });

  it("breaks paragraphs between words", () => {
    expect(paragraph("one two three four", 10).map((row) => paint(row, false))).toEqual([
      " one two",
      " three",
      " four",
    ]);
  });

  it("gives durations in milliseconds below a second, short in prose and even in columns", () => {
    expect([50, 999, 1_000, 1_500, 10_066].map(duration)).toEqual([
      "50 ms",
      "999 ms",
      "1 s",
      "1.5 s",
      "10.07 s",
    ]);
    expect([50, 1_000, 1_500].map(measured)).toEqual(["50 ms", "1.00 s", "1.50 s"]);
  });

  it("counts in words that fit the number", () => {
    expect([counted(1, "task"), counted(2, "task"), counted(0, "process", "processes")]).toEqual([
      "1 task",
      "2 tasks",
      "0 processes",
    ]);
  });

  it("draws runs of numbers together", () => {
    expect(ranges([])).toBe("");
    expect(ranges([4])).toBe("4");
    expect(ranges([1, 2, 3, 7, 9, 10])).toBe("1-3 7 9-10");
  });
});
