import { setTimeout as sleep } from "node:timers/promises";
import { type App, startApp } from "./app/start.js";
import { type Children, untilItEnds } from "./children/children.js";
import { type Part, type PartResult, Progress } from "./progress.js";
import { idealMs, type Settings, taskCount } from "./settings.js";
import { startUpstream, type Upstream } from "./upstream/start.js";
import type { Display } from "./view/display.js";
import { duration } from "./view/text.js";

const REDRAW_MS = 200;

export interface PartPlan extends Part {
  /** The name of the semaphore. */
  readonly semaphore: string;
  /** The sidecar that all apps use; undefined: each keeps a semaphore to itself. */
  readonly sidecar: string | undefined;
}

/** What both parts of a run share. */
export interface Run {
  readonly settings: Settings;
  readonly children: Children;
  readonly display: Display;
}

/**
 * Runs all tasks once, against an upstream of its own, so that the upstream's record is about this part alone.
 * Time counts from the moment when all apps are ready.
 *
 * @throws ChildError when a process does not start, or the upstream ends
 */
export async function runPart(plan: PartPlan, run: Run): Promise<PartResult> {
  const { settings, children, display } = run;
  const progress = new Progress(plan, settings);
  display.show(progress.status(0));
  const upstream = await startUpstream(children, settings);
  const apps = await startApps(plan, run, upstream);

  const over = new AbortController();
  const shown = keepShowing(progress, upstream, display, over.signal);
  const upstreamEnded = untilItEnds(upstream.child, "the upstream");
  await Promise.race([runTasks(apps, progress, settings), upstreamEnded]);
  over.abort();
  await shown;

  progress.observe(await upstream.stats());
  display.finish(progress.status(performance.now()));
  const result = progress.result();
  await children.stop(upstream.child, ...apps.map((app) => app.child));
  return result;
}

function startApps(plan: PartPlan, { settings, children }: Run, upstream: Upstream): Promise<App[]> {
  const { tasks, limit } = settings;
  const { semaphore, sidecar } = plan;
  const numbers = Array.from({ length: settings.processes }, (_, index) => index + 1);
  return Promise.all(
    numbers.map((app) =>
      startApp(children, { app, tasks, limit, semaphore, sidecar, upstream: upstream.url }),
    ),
  );
}

async function runTasks(apps: readonly App[], progress: Progress, settings: Settings): Promise<void> {
  progress.begin(performance.now());
  const ends = apps.map(async ({ child, go }, index) => {
    const number = index + 1;
    go((report) => progress.record(number, report, performance.now()));
    const ending = await child.exited;
    if (ending === "code 0") return;
    progress.fail(`app ${number} ended early (${ending}) ${child.lastWords()}`.trim());
  });
  const ms = patienceMs(settings);
  const late = sleep(ms, "late", { ref: false });
  if ((await Promise.race([Promise.all(ends), late])) === "late")
    progress.fail(`Given up after ${duration(ms)}.`);
}

/** Far more than a run takes; what is not done then never will be. */
function patienceMs(settings: Settings): number {
  return 3 * idealMs(settings) + 20 * taskCount(settings) + 30_000;
}

/** Draws until `signal` aborts. */
async function keepShowing(
  progress: Progress,
  upstream: Upstream,
  display: Display,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const stats = await upstream.stats().catch(() => undefined);
    if (stats !== undefined) progress.observe(stats);
    display.show(progress.status(performance.now()));
    await sleep(REDRAW_MS, undefined, { signal }).catch(() => {});
  }
}
