import type { RedisServer } from "@sluice/testkit";

/** One thing to measure, on a server of its own. */
export interface Benchmark {
  /** Chooses it on the command line. */
  readonly name: string;
  readonly what: string;
  readonly constants: Readonly<Record<string, number>>;
  /** @throws Error where a run broke: a limit was exceeded, a task was lost. How long it took breaks nothing. */
  run(redis: RedisServer): Promise<Report>;
}

export interface Report {
  readonly headings: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly remarks?: readonly string[];
}

export function print({ headings, rows, remarks = [] }: Report): void {
  const lines = [headings, headings.map((heading) => "-".repeat(heading.length)), ...rows];
  const widths = headings.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  for (const line of lines) {
    console.log(
      `  ${line.map((cell, column) => pad(cell, widths[column] ?? 0, column)).join("  ")}`.trimEnd(),
    );
  }
  for (const remark of remarks) console.log(`  ${remark}`);
}

/** Names to the left, figures to the right. */
function pad(cell: string, width: number, column: number): string {
  return column === 0 ? cell.padEnd(width) : cell.padStart(width);
}

export function atLeast(least: number, value: number): string {
  return verdict(`>= ${least}`, value >= least);
}

export function atMost(most: number, value: number): string {
  return verdict(`<= ${most}`, value <= most);
}

function verdict(target: string, met: boolean): string {
  return `${target} ${met ? "met" : "MISSED"}`;
}
