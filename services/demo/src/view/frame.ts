import type { PartStatus } from "../progress.js";
import { idealMs, taskCount } from "../settings.js";
import type { UpstreamStats } from "../upstream/server.js";
import { appTable, legend, WIDE_FROM_COLUMNS } from "./apps.js";
import { duration, fit, type Line, paragraph, type Span, type Style } from "./text.js";

export interface Screen {
  readonly columns: number;
  readonly rows: number;
}

const MOST_COLUMNS = 100;
const LABEL = 8;

/** The picture of a part while it runs. It fits the screen: lines are cut, and apps left out, where it is small. */
export function frame(status: PartStatus, screen: Screen): Line[] {
  const width = widthFor(screen);
  const head = [
    title(status),
    ...paragraph(status.part.note, width),
    [],
    progressLine(status, width),
    upstreamLine(status, width),
    [],
  ];
  const foot = width < WIDE_FROM_COLUMNS ? [] : [[], legend()];
  // One row stays free for the cursor below the picture.
  const rows = Math.max(1, screen.rows - 1);
  const apps = cutTo(rows - head.length - foot.length, appTable(status, width));
  return [...head, ...apps, ...foot].slice(0, rows).map((line) => fit(line, width));
}

/** What stays of the picture once the part is over. */
export function summary(status: PartStatus, screen: Screen): Line[] {
  const width = widthFor(screen);
  return [title(status), progressLine(status, width), recordLine(status)].map((line) => fit(line, width));
}

function title({ part }: PartStatus): Line {
  return [` ${part.number} of 2  `, [part.title, "bold"]];
}

/** The last column stays free: a terminal that has filled it may wrap. */
function widthFor({ columns }: Screen): number {
  return Math.min(columns - 1, MOST_COLUMNS);
}

function progressLine({ apps, settings, elapsedMs }: PartStatus, width: number): Line {
  const done = apps.flat().filter((task) => task === "done").length;
  const total = taskCount(settings);
  const wide = width >= WIDE_FROM_COLUMNS;
  const time = elapsedMs === undefined ? "starting" : `${(elapsedMs / 1_000).toFixed(1)} s`;
  const barWidth = wide ? barWidthFor(width) : Math.max(5, width - 31);
  return [
    label("progress"),
    ...bar(done / total, barWidth, "green"),
    `  ${done} of ${total}  ${time}`,
    [wide ? ` (ideal ${duration(idealMs(settings))})` : "", "dim"],
  ];
}

function upstreamLine({ upstream }: PartStatus, width: number): Line {
  const { running, limit } = upstream;
  const wide = width >= WIDE_FROM_COLUMNS;
  const counts = wide ? `  ${running} of ${limit} running` : `${running}/${limit}`;
  return [
    label("upstream"),
    ...(wide ? bar(running / limit, barWidthFor(width), "cyan") : []),
    `${counts}  `,
    ...record(upstream),
  ];
}

function recordLine({ upstream }: PartStatus): Line {
  return [label("upstream"), ...record(upstream)];
}

function record({ limit, highest, refused }: UpstreamStats): Span[] {
  return ["highest ", alarming(highest, highest > limit), "  429s ", alarming(refused, refused > 0)];
}

function barWidthFor(width: number): number {
  return Math.min(40, width - 55);
}

function label(text: string): string {
  return ` ${text.padEnd(LABEL)}  `;
}

function bar(share: number, width: number, style: Style): Span[] {
  const filled = Math.round(Math.min(1, share) * width);
  return [
    ["━".repeat(filled), style],
    ["─".repeat(width - filled), "dim"],
  ];
}

function alarming(count: number, alarm: boolean): Span {
  return alarm ? [`${count}`, "red"] : `${count}`;
}

function cutTo(rows: number, lines: readonly Line[]): readonly Line[] {
  if (lines.length <= rows) return lines;
  const shown = lines.slice(0, Math.max(0, rows - 1));
  return [...shown, [[` and ${lines.length - shown.length} more`, "dim"]]];
}
