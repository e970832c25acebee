import { styleText } from "node:util";

export type Style = "bold" | "dim" | "green" | "cyan" | "yellow" | "red";

/** Text in one style. */
export type Span = string | readonly [text: string, style: Style];

/** One row of the screen. Every character is taken to be one column wide. */
export type Line = readonly Span[];

export function textOf(span: Span): string {
  return typeof span === "string" ? span : span[0];
}

/** How many columns a line takes. */
export function widthOf(line: Line): number {
  return line.reduce((width, span) => width + textOf(span).length, 0);
}

/** The line cut to at most `columns`. */
export function fit(line: Line, columns: number): Line {
  const fitted: Span[] = [];
  let left = columns;
  for (const span of line) {
    const text = textOf(span).slice(0, left);
    left -= text.length;
    if (text !== "") fitted.push(typeof span === "string" ? text : [text, span[1]]);
  }
  return fitted;
}

/** The line as it is written: with escape sequences, or as bare text. */
export function paint(line: Line, color: boolean): string {
  return line.map((span) => (color && typeof span !== "string" ? ansi(span) : textOf(span))).join("");
}

/** Text cut or padded to exactly `columns`; what is cut ends in an ellipsis. */
export function column(text: string, columns: number): string {
  return text.length <= columns
    ? text.padEnd(columns)
    : `${text.slice(0, Math.max(0, columns - 1))}…`.slice(0, columns);
}

/** Text in lines of at most `columns`, a margin included, broken between words. */
export function paragraph(text: string, columns: number, style: Style = "dim"): Line[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const longer = `${lines.at(-1) ?? ""} ${word}`;
    if (lines.length > 0 && longer.length <= columns) lines[lines.length - 1] = longer;
    else lines.push(` ${word}`);
  }
  return lines.map((line) => [[line, style]]);
}

/** A number with its noun: `1 task`, `25 tasks`. */
export function counted(count: number, singular: string, plural = `${singular}s`): string {
  return `${count} ${count === 1 ? singular : plural}`;
}

/** A duration for prose: `850 ms`, `10 s`, `1.5 s`. */
export function duration(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${Number((ms / 1_000).toFixed(2))} s`;
}

/** A duration for a column of them: `850 ms`, `10.00 s`. */
export function measured(ms: number): string {
  return ms < 1_000 ? duration(ms) : `${(ms / 1_000).toFixed(2)} s`;
}

function ansi([text, style]: readonly [string, Style]): string {
  // Whether to color was decided for the stream that is written to; styleText would ask its own.
  return styleText(style, text, { validateStream: false });
}
