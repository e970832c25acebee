// Prints what failed, and how many tests passed and failed, from the reports of vitest's JSON reporter and the exit
// codes of its runs.
//   node packages/workspace/tally.mjs REPORT=EXIT_CODE…
import { existsSync, readFileSync } from "node:fs";
import { tally } from "./commands/tally.mjs";

const runs = process.argv.slice(2).map((argument) => {
  const [file = "", code] = argument.split("=");
  return {
    report: existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined,
    code: Number(code),
  };
});
const { passed, failures } = tally(runs);
// Here as well as where it happened: a log is often kept from its end.
for (const failure of failures) console.log(`FAILED ${failure}\n`);
console.log(`${passed} passed, ${failures.length} failed`);
process.exitCode = failures.length > 0 ? 1 : 0;
