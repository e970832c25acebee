import type { Outcome } from "./outcome.js";
import { mutants, runs } from "./runs.js";
import { search } from "./search.js";
import { findTools } from "./tools.js";

const tools = findTools();
let failures = 0;

line(["model", "run, or guard left out", "properties", "states", "result", "as it must be"]);
line(["---", "---", "---", "---", "---", "---"]);

for (const run of runs) {
  const outcome = await search(tools, run);
  const { model, name, properties } = run;
  report([model, name, properties.join(", ")], outcome, outcome.result === "holds");
}

for (const { guard, run, property } of mutants) {
  const outcome = await search(tools, run, { without: guard, shortest: true });
  const isFound = outcome.result === "violated" && outcome.property === property;
  report([run.model, guard, property], outcome, isFound);
}

process.exitCode = failures === 0 ? 0 : 1;

function report(what: readonly string[], outcome: Outcome, isRight: boolean): void {
  const states = outcome.result === "unknown" ? "" : outcome.states.toLocaleString("en");
  if (!isRight) failures += 1;
  line([...what, states, wordsFor(outcome), isRight ? "yes" : "NO"]);
}

function wordsFor(outcome: Outcome): string {
  if (outcome.result === "holds") return "holds";
  if (outcome.result === "unknown") return `no result: ${outcome.reason}`;
  return `${outcome.property} violated after ${outcome.steps} steps`;
}

function line(cells: readonly string[]): void {
  console.log(`| ${cells.join(" | ")} |`);
}
