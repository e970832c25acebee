import type { PartStatus } from "../progress.js";
import { frame, type Screen, summary } from "./frame.js";
import { plainLine } from "./plain.js";
import { type Line, paint } from "./text.js";

/** Where a run shows itself. */
export interface Display {
  /** Columns to lay text out for. */
  readonly columns: number;
  /** Lines that stay. */
  print(lines: readonly Line[]): void;
  /** The part as it is now; called several times a second. */
  show(status: PartStatus): void;
  /** The part as it ended. */
  finish(status: PartStatus): void;
  /** Leaves the terminal as it was found. */
  restore(): void;
}

/** The part of a stream that a display needs. */
export interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  hasColors?(): boolean;
  write(text: string): unknown;
  on(event: "resize", listener: () => void): unknown;
}

const PLAIN_COLUMNS = 80;
const PLAIN_EVERY_MS = 1_000;
const HIDE_CURSOR = "\x1b[?25l";
const SHOW_CURSOR = "\x1b[?25h";
const CLEAR_SCREEN = "\x1b[2J\x1b[H";

/** A live picture on a terminal, plain lines elsewhere. Colors as the terminal has them, none with NO_COLOR. */
export function displayOn(output: Output, term = process.env.TERM): Display {
  return output.isTTY === true && term !== "dumb" ? liveDisplay(output) : plainDisplay(output);
}

function liveDisplay(output: Output): Display {
  const color = output.hasColors?.() ?? false;
  const screen = (): Screen => ({ columns: output.columns || 80, rows: output.rows || 24 });
  let drawn = 0;
  let resized = false;
  output.on("resize", () => {
    resized = true;
  });

  function draw(lines: readonly Line[]): void {
    // After a resize the terminal may have wrapped what was drawn, so that its height is unknown.
    const start = resized ? CLEAR_SCREEN : drawn > 0 ? `\x1b[${drawn}A` : "";
    const text = lines.map((line) => `${paint(line, color)}\x1b[K\n`).join("");
    output.write(`${HIDE_CURSOR}${start}${text}\x1b[J`);
    drawn = lines.length;
    resized = false;
  }

  return {
    get columns() {
      return screen().columns;
    },
    print: (lines) => void output.write(lines.map((line) => `${paint(line, color)}\n`).join("")),
    show: (status) => draw(frame(status, screen())),
    finish: (status) => {
      draw([...summary(status, screen()), []]);
      drawn = 0;
    },
    restore: () => void output.write(SHOW_CURSOR),
  };
}

function plainDisplay(output: Output): Display {
  const print = (lines: readonly Line[]) =>
    void output.write(lines.map((line) => `${paint(line, false)}\n`).join(""));
  let shownMs: number | undefined;
  return {
    columns: PLAIN_COLUMNS,
    print,
    show: (status) => {
      const elapsedMs = status.elapsedMs ?? 0;
      if (shownMs === undefined)
        print([[`${status.part.number} of 2  ${status.part.title}. ${status.part.note}`]]);
      else if (elapsedMs - shownMs < PLAIN_EVERY_MS) return;
      else print([[plainLine(status)]]);
      shownMs = elapsedMs;
    },
    finish: (status) => {
      print([[plainLine(status)], []]);
      shownMs = undefined;
    },
    restore: () => {},
  };
}
