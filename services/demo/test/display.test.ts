import { EventEmitter } from "node:events";
import { describe, expect, it } from "vitest";
import type { PartStatus } from "../src/progress.js";
import { type Display, displayOn } from "../src/view/display.js";

const ESC = "\x1b[";

function status(elapsedMs: number | undefined): PartStatus {
  return {
    part: { number: 1, title: "Title", note: "Note." },
    settings: { redisUrl: undefined, processes: 1, tasks: 2, limit: 1, taskMs: 1_000 },
    apps: [["calling", "waiting"]],
    upstream: { limit: 1, running: 1, highest: 1, refused: 0, completed: 0 },
    elapsedMs,
  };
}

class Output extends EventEmitter {
  readonly isTTY: boolean;
  readonly #color: boolean;
  columns = 80;
  rows = 24;
  #written = "";

  constructor({ isTTY = true, color = false } = {}) {
    super();
    this.isTTY = isTTY;
    this.#color = color;
  }

  hasColors(): boolean {
    return this.#color;
  }

  write(text: string): void {
    this.#written += text;
  }

  /** What was written since the last look. */
  take(): string {
    const written = this.#written;
    this.#written = "";
    return written;
  }
}

function linesIn(text: string): number {
  return text.split("\n").length - 1;
}

describe("on a terminal", () => {
  it("draws each picture over the one before, and hides the cursor", () => {
    const output = new Output();
    const display = displayOn(output, "xterm");
    display.show(status(0));
    const first = output.take();
    expect(first).toContain(`${ESC}?25l`);
    display.show(status(200));
    expect(output.take()).toContain(`${ESC}${linesIn(first)}A`);
  });

  it("leaves the end of a part on the screen", () => {
    const output = new Output();
    const display = displayOn(output, "xterm");
    display.show(status(0));
    display.finish(status(400));
    output.take();
    display.show(status(0));
    expect(output.take()).not.toMatch(/\d+A/);
  });

  it("begins on a clear screen after a resize, as the lines may have wrapped", () => {
    const output = new Output();
    const display = displayOn(output, "xterm");
    display.show(status(0));
    output.take();
    output.columns = 45;
    output.emit("resize");
    display.show(status(200));
    expect(output.take()).toContain(`${ESC}2J${ESC}H`);
    display.show(status(400));
    expect(output.take()).not.toContain(`${ESC}2J`);
  });

  it("gives the cursor back", () => {
    const output = new Output();
    displayOn(output, "xterm").restore();
    expect(output.take()).toBe(`${ESC}?25h`);
  });

  it("colors only where the terminal has colors", () => {
    for (const color of [true, false]) {
      const output = new Output({ color });
      displayOn(output, "xterm").print([[["bold", "bold"]]]);
      expect(output.take()).toBe(color ? `${ESC}1mbold${ESC}22m\n` : "bold\n");
    }
  });
});

describe.each([
  ["a pipe", { isTTY: false }, "xterm"],
  ["a dumb terminal", { isTTY: true }, "dumb"],
])("on %s", (_, kind, term) => {
  function plain(): { output: Output; display: Display } {
    const output = new Output({ ...kind, color: true });
    return { output, display: displayOn(output, term) };
  }

  it("prints the title, then a line for each second, then the end", () => {
    const { output, display } = plain();
    for (const elapsedMs of [undefined, 0, 200, 900, 1_100, 1_900, 2_200]) display.show(status(elapsedMs));
    display.finish(status(2_500));
    const times = output
      .take()
      .split("\n")
      .map((line) => /\d\.\d s/.exec(line)?.[0] ?? line);
    expect(times).toEqual(["1 of 2  Title. Note.", "1.1 s", "2.2 s", "2.5 s", "", ""]);
  });

  it("writes no escape sequences", () => {
    const { output, display } = plain();
    display.print([[["bold", "bold"]]]);
    display.show(status(0));
    display.finish(status(10));
    display.restore();
    expect(output.take()).not.toContain("\x1b");
  });
});
