// Prints how many tests passed and failed, from the reports of vitest's JSON reporter and the exit codes of its runs.
//   node packages/workspace/tally.mjs REPORT=EXIT_CODE…
import { existsSync, readFileSync } from "node:fs";
import { countTests } from "./commands/count.mjs";

const runs = process.argv.slice(2).map((argument) => {
  const [file = "", code] = argument.split("=");
  return {
    report: existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined,
    code: Number(code),
  };
});
const { passed, failed } = countTests(runs);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
