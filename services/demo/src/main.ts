import { constants } from "node:os";
import { ChildError } from "./children/child-error.js";
import { Children } from "./children/children.js";
import { runDemo } from "./demo.js";
import { parseSettings, UsageError, usage } from "./settings.js";
import { displayOn } from "./view/display.js";

const EXIT_USAGE = 64;

async function main(args: readonly string[]): Promise<number> {
  const settings = parseSettings(args);
  if (settings === "help") {
    console.log(usage());
    return 0;
  }
  const children = new Children();
  const display = displayOn(process.stdout);
  // Whatever ends this process passes here: the end of the run, a signal, an error.
  process.once("exit", () => {
    children.killAll();
    display.restore();
  });
  return runDemo({ settings, children, display });
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(signal, () => process.exit(128 + constants.signals[signal]));
}
// Whoever reads the output has left (`npm run demo | head`), or the terminal is gone.
process.stdout.on("error", () => process.exit(1));

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(explain(error));
  process.exitCode = error instanceof UsageError ? EXIT_USAGE : 1;
}
process.exit();

function explain(error: unknown): unknown {
  if (error instanceof UsageError) return `${error.message}\n\n${usage()}`;
  return error instanceof ChildError ? error.message : error;
}
