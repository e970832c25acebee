import type { TaskState } from "../app/report.js";
import type { PartStatus } from "../progress.js";
import { ranges } from "./numbers.js";
import { column, type Line, type Span, type Style } from "./text.js";

/** From this width on there is room for a strip of tasks and its legend. */
export const WIDE_FROM_COLUMNS = 60;
const WIDEST_HOLDS = 32;

/** How a task is drawn; told apart by shape, as colors may be off. */
const CELLS: Record<TaskState, readonly [cell: string, style: Style]> = {
  done: ["█", "green"],
  calling: ["▒", "cyan"],
  refused: ["×", "red"],
  failed: ["!", "red"],
  waiting: ["·", "dim"],
};

/** Where one cell stands for several tasks it shows the first of these that one of them is in. */
const MOST_TELLING: readonly TaskState[] = ["failed", "calling", "refused", "waiting", "done"];

interface Columns {
  readonly label: number;
  /** 0: no strip. */
  readonly strip: number;
  readonly holds: number;
}

/** A heading and a row for each app: its tasks at a glance, which of them hold a permit, and how many wait. */
export function appTable({ apps, settings }: PartStatus, width: number): Line[] {
  const columns = columnsFor(width, settings.tasks, `app ${apps.length}`.length);
  return [heading(columns), ...apps.map((tasks, index) => row(`app ${index + 1}`, tasks, columns))];
}

/** What the cells of the strips mean. */
export function legend(): Line {
  const meanings = [
    [CELLS.done, "done"],
    [CELLS.calling, "calling"],
    [CELLS.refused, "refused, will try again"],
    [CELLS.waiting, "waiting for a permit"],
  ] as const;
  return meanings.flatMap(([cell, meaning], index) => [
    index === 0 ? " " : "  ",
    cell,
    [` ${meaning}`, "dim"],
  ]);
}

function columnsFor(width: number, tasks: number, label: number): Columns {
  // A margin, two spaces between columns, and what the three counts take.
  const free = width - 1 - label - 2 - 3 * 2 - 7 - 5 - 4;
  const strip = width < WIDE_FROM_COLUMNS ? 0 : Math.min(tasks, Math.floor(free * 0.55));
  return { label, strip, holds: Math.min(WIDEST_HOLDS, free - (strip === 0 ? 0 : strip + 2)) };
}

function heading({ label, strip, holds }: Columns): Line {
  const tasks = strip === 0 ? "" : `${column("tasks", strip)}  `;
  return [[` ${" ".repeat(label)}  ${tasks}${column("holds", holds)}  refused  waits  done`, "dim"]];
}

function row(label: string, tasks: readonly TaskState[], columns: Columns): Line {
  const count = (state: TaskState) => tasks.filter((task) => task === state).length;
  const held = tasks.flatMap((task, index) => (task === "calling" || task === "refused" ? [index + 1] : []));
  const refused = `${count("refused") || ""}`.padStart(7);
  return [
    ` ${label.padEnd(columns.label)}  `,
    ...strip(tasks, columns.strip),
    [column(ranges(held), columns.holds), "cyan"],
    "  ",
    [refused, "red"],
    `  ${`${count("waiting")}`.padStart(5)}  ${`${count("done")}`.padStart(4)}`,
  ];
}

function strip(tasks: readonly TaskState[], width: number): Span[] {
  if (width === 0) return [];
  const cells = Array.from({ length: width }, (_, cell): Span => {
    const share = tasks.slice(
      Math.floor((cell * tasks.length) / width),
      Math.ceil(((cell + 1) * tasks.length) / width),
    );
    return CELLS[MOST_TELLING.find((state) => share.includes(state)) ?? "waiting"];
  });
  return [...cells, "  "];
}
