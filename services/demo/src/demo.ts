import { randomBytes } from "node:crypto";
import { type PartPlan, type Run, runPart } from "./part.js";
import type { PartResult } from "./progress.js";
import { idealMs, type Settings, taskCount } from "./settings.js";
import { type Sidecar, startSidecar } from "./sidecar.js";
import { faults } from "./verdict.js";
import { comparison } from "./view/table.js";
import { counted, duration, type Line, paragraph } from "./view/text.js";

/**
 * Does the same work twice and prints how it went.
 *
 * @returns the exit code: 1 if through Sluice the limit was exceeded, or a task was refused or lost
 * @throws ChildError when a process does not start, or the sidecar or the upstream ends
 */
export async function runDemo(run: Run): Promise<0 | 1> {
  const { settings, display, children } = run;
  display.print(introduction(run));
  const sidecar = await startSidecar(children, settings.redisUrl);
  const own = await runPart(ownPlan(settings), run);
  const shared = await runShared(sidecar, run);
  await sidecar.stop();
  const found = faults(shared, settings);
  display.print(comparison(own, shared, settings, display.columns));
  display.print([[], ...alone(own, run), ...verdict(found, run), []]);
  return found.length === 0 ? 0 : 1;
}

function ownPlan({ limit }: Settings): PartPlan {
  return {
    number: 1,
    title: `A semaphore of ${limit} in each process`,
    note: "A refused call waits as long as its 429 says, and tries again.",
    semaphore: "upstream",
    sidecar: undefined,
  };
}

/** The part through Sluice. Its semaphore is new, and nothing of it stays behind. */
async function runShared({ url, store, ended }: Sidecar, run: Run): Promise<PartResult> {
  const semaphore = `upstream-${randomBytes(4).toString("hex")}`;
  const plan: PartPlan = {
    number: 2,
    title: `One semaphore of ${run.settings.limit} through Sluice`,
    note: `All processes share it over the sidecar at ${url}: first come, first served.`,
    semaphore,
    sidecar: url,
  };
  const result = await Promise.race([runPart(plan, run), ended]);
  await store.remove(semaphore);
  return result;
}

function introduction({ settings, display }: Run): Line[] {
  const { processes, tasks, taskMs, limit } = settings;
  const work = `${counted(processes, "process", "processes")} with ${counted(tasks, "task")} of ${duration(taskMs)} each.`;
  const rule = `The upstream answers 429 to more than ${counted(limit, "call")} at once, so the ideal is ${duration(idealMs(settings))}.`;
  return [[], [[" Sluice", "bold"]], ...paragraph(`${work} ${rule}`, display.columns - 1), []];
}

/** What went wrong without Sluice, apart from the 429s; it does not decide how the demo ends. */
function alone({ failures }: PartResult, { display }: Run): Line[] {
  return failures.flatMap((failure) => paragraph(`1 of 2: ${failure}`, display.columns - 1, "yellow"));
}

function verdict(found: readonly string[], { settings, display }: Run): Line[] {
  const columns = display.columns - 1;
  if (found.length > 0) return found.flatMap((fault) => paragraph(fault, columns, "red"));
  const kept = `Through Sluice: never more than ${settings.limit} at once, none of ${counted(taskCount(settings), "task")} refused or lost.`;
  return paragraph(kept, columns, "green");
}
