import type { PartResult } from "../progress.js";
import { idealMs, type Settings, taskCount } from "../settings.js";
import { fit, type Line, measured } from "./text.js";

const NARROW_BELOW_COLUMNS = 70;

interface Layout {
  readonly name: number;
  readonly cell: number;
  readonly titles: readonly [own: string, shared: string];
}

const WIDE: Layout = { name: 28, cell: 17, titles: ["a semaphore each", "through Sluice"] };
const NARROW: Layout = { name: 12, cell: 11, titles: ["own", "Sluice"] };

interface Measure {
  readonly name: string;
  readonly short: string;
  read(result: PartResult): string;
}

/** Both parts side by side: each measure a row, each part a column. */
export function comparison(own: PartResult, shared: PartResult, settings: Settings, columns: number): Line[] {
  const narrow = columns < NARROW_BELOW_COLUMNS;
  const layout = narrow ? NARROW : WIDE;
  const rows = measures(settings).map(({ name, short, read }): Line => {
    const cells = `  ${read(own).padStart(layout.cell)}  ${read(shared).padStart(layout.cell)}`;
    return [` ${(narrow ? short : name).padEnd(layout.name)}`, [cells, "bold"]];
  });
  const titles = layout.titles.map((title) => `  ${title.padStart(layout.cell)}`).join("");
  const heading: Line = [[` ${" ".repeat(layout.name)}${titles}`, "dim"]];
  return [heading, ...rows].map((line) => fit(line, columns - 1));
}

function measures(settings: Settings): Measure[] {
  const ideal = idealMs(settings);
  return [
    { name: "makespan", short: "makespan", read: ({ makespanMs }) => measured(makespanMs) },
    { name: "ideal makespan", short: "ideal", read: () => measured(ideal) },
    { name: "makespan / ideal", short: "ratio", read: ({ makespanMs }) => (makespanMs / ideal).toFixed(3) },
    {
      name: "most calls the upstream saw",
      short: "most at once",
      read: ({ upstream }) => `${upstream.highest}`,
    },
    { name: "429s", short: "429s", read: ({ upstream }) => `${upstream.refused}` },
    { name: "tasks done", short: "tasks done", read: ({ done }) => `${done}/${taskCount(settings)}` },
  ];
}
