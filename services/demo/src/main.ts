import { constants } from "node:os";
import { ChildError } from "./children/child-error.js";
import { Children } from "./children/children.js";
import { runDemo } from "./demo.js";
import { FINISH_MS, runEndless } from "./endless/run.js";
import { endlessUsage, parseEndlessSettings } from "./endless/settings.js";
import { parseSettings, UsageError, usage } from "./settings.js";
import { displayOn } from "./view/display.js";

const EXIT_USAGE = 64;

const args = process.argv.slice(2);
const isEndless = args.includes("--endless");
const help = isEndless ? endlessUsage : usage;
const stop = new AbortController();

async function compare(): Promise<number> {
  const settings = parseSettings(args);
  if (settings === "help") return explained();
  const children = new Children();
  const display = displayOn(process.stdout);
  // Whatever ends this process passes here: the end of the run, a signal, an error.
  process.once("exit", () => {
    children.killAll();
    display.restore();
  });
  return runDemo({ settings, children, display });
}

async function goOn(): Promise<number> {
  const settings = parseEndlessSettings(args);
  if (settings === "help") return explained();
  const children = new Children(FINISH_MS);
  process.once("exit", () => children.killAll());
  return runEndless({ settings, children, print: console.log, stop: stop.signal });
}

function explained(): number {
  console.log(help());
  return 0;
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    // Load without end is asked to finish first, once.
    if (!isEndless || stop.signal.aborted) process.exit(128 + constants.signals[signal]);
    stop.abort();
  });
}
// Whoever reads the output has left (`npm run demo | head`), or the terminal is gone.
process.stdout.on("error", () => process.exit(1));

try {
  process.exitCode = await (isEndless ? goOn() : compare());
} catch (error) {
  console.error(explain(error));
  process.exitCode = error instanceof UsageError ? EXIT_USAGE : 1;
}
process.exit();

function explain(error: unknown): unknown {
  if (error instanceof UsageError) return `${error.message}\n\n${help()}`;
  return error instanceof ChildError ? error.message : error;
}
