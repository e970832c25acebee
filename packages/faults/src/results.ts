import { readFileSync, writeFileSync } from "node:fs";
import type { Outcome } from "./run.js";

/** What the runs of each fault have shown at the worst. `npm run test:faults` leaves it; the guarantees show it. */
export const resultsFile = new URL("../results.json", import.meta.url);

/** By the name of the fault. Times are whole milliseconds. */
export type Results = Readonly<Record<string, Row>>;

export interface Row {
  readonly runs: number;
  /** In how many of them the machine kept up; `idleMs` is of these. */
  readonly timed: number;
  readonly permitsOver: number;
  readonly overMs: number;
  readonly regainedMs: number;
  readonly idleMs: number;
}

export function rowOf(outcomes: readonly Outcome[]): Row {
  const timed = outcomes.filter((outcome) => outcome.timed);
  const worst = (of: (outcome: Outcome) => number, among = outcomes) =>
    Math.ceil(Math.max(0, ...among.map(of)));
  return {
    runs: outcomes.length,
    timed: timed.length,
    permitsOver: worst(({ permitsOver }) => permitsOver),
    overMs: worst(({ overMs }) => overMs),
    regainedMs: worst(({ regainedMs }) => regainedMs),
    idleMs: worst(({ idleMs }) => idleMs, timed),
  };
}

export function readResults(): Results {
  return JSON.parse(readFileSync(resultsFile, "utf8"));
}

/** Keeps what these runs have shown, unless more runs have shown something before. */
export function keepResult(name: string, row: Row): void {
  const results = readResults();
  if ((results[name]?.runs ?? 0) > row.runs) return;
  writeFileSync(resultsFile, `${JSON.stringify({ ...results, [name]: row }, null, 2)}\n`);
}
