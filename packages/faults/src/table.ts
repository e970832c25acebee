import { type Fault, slackMs } from "./fault.js";
import type { Results, Row } from "./results.js";

interface Column {
  readonly heading: string;
  readonly cell: (fault: Fault, row: Row) => string;
}

const common: readonly Column[] = [
  { heading: "what happens", cell: ({ name }) => name },
  { heading: "runs", cell: (_, { runs }) => String(runs) },
];

const idle: readonly Column[] = [
  { heading: "timed", cell: (_, { timed }) => String(timed) },
  { heading: "longest time stuck", cell: (_, { timed, idleMs }) => (timed > 0 ? inMs(idleMs) : "") },
  { heading: "promised", cell: ({ idleMs }) => `${inMs(idleMs)} + ${slackMs}` },
];

/** The tables, by the promise that their faults are about. */
const columns: Readonly<Record<Fault["promise"], readonly Column[]>> = {
  kept: [...common, { heading: "permits over", cell: (_, { permitsOver }) => String(permitsOver) }, ...idle],
  regained: [
    ...common,
    { heading: "permits over at most", cell: (_, { permitsOver }) => String(permitsOver) },
    { heading: "over in all", cell: (_, { overMs }) => inMs(overMs) },
    { heading: "kept again after", cell: (_, { regainedMs }) => inMs(regainedMs) },
    ...idle,
  ],
};

/** `text` with its tables made anew: each stands between two comments, `<!-- faults: kept -->` and `<!-- end -->`. */
export function withTables(text: string, faults: readonly Fault[], results: Results): string {
  return text.replace(
    /(<!-- faults: (kept|regained) -->\n)[\s\S]*?(<!-- end -->)/g,
    (_, begin: string, promise: Fault["promise"], end: string) =>
      `${begin}${table(
        columns[promise],
        faults.filter((fault) => fault.promise === promise),
        results,
      )}${end}`,
  );
}

function table(shown: readonly Column[], faults: readonly Fault[], results: Results): string {
  const rows = faults.flatMap((fault) => {
    const row = results[fault.name];
    return row === undefined ? [] : [shown.map(({ cell }) => cell(fault, row))];
  });
  return [shown.map(({ heading }) => heading), shown.map(() => "---"), ...rows]
    .map((cells) => `| ${cells.join(" | ")} |\n`)
    .join("");
}

function inMs(value: number): string {
  return `${value.toLocaleString("en-US")} ms`;
}
