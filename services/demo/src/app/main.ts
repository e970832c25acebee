import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { sidecarStore } from "@sluice/client";
import { Semaphore } from "@sluice/core";
import { memoryStore } from "@sluice/core/memory";
import { callUpstream } from "./call.js";
import { fromArgs } from "./options.js";
import type { AppReport } from "./report.js";

const WARM_UP_CALLS = 25;
/** Tasks come in one by one, as in a service, so that those of all processes mix in the queue. */
const ARRIVAL_MS = 2;

const options = fromArgs(process.argv.slice(2));

// The one line in which the two parts of the demo differ.
const store = options.sidecar === undefined ? memoryStore() : sidecarStore(options.sidecar);
const semaphore = new Semaphore(store, options.semaphore, {
  limit: options.limit,
  holder: `app ${options.app}`,
});

async function runTask(task: number): Promise<void> {
  const tell = (state: "calling" | "refused" | "done") => report({ event: "task", task, state });
  try {
    await semaphore.use(async ({ signal }) => {
      await callUpstream(`${options.upstream}/tasks/${options.app}-${task}`, tell, signal);
      tell("done");
    });
  } catch (error) {
    report({ event: "task", task, state: "failed", reason: String(error) });
  }
}

async function runAll(): Promise<void> {
  const running: Promise<void>[] = [];
  for (let task = 1; task <= options.tasks; task += 1) {
    running.push(runTask(task));
    await sleep(ARRIVAL_MS);
  }
  await Promise.all(running);
}

function report(message: AppReport): void {
  process.send?.(message);
}

/**
 * Goes all the way a few times with a call that does nothing, so that what is measured is the work and not the start of
 * a process: its connections are open, its code is compiled.
 */
async function warmUp(): Promise<void> {
  const emptyCall = semaphore.wrap(async () => (await fetch(`${options.upstream}/stats`)).arrayBuffer());
  await Promise.all(Array.from({ length: Math.min(options.tasks, WARM_UP_CALLS) }, emptyCall));
}

async function goAhead(): Promise<void> {
  process.channel?.ref();
  await once(process, "message");
  process.channel?.unref();
}

await warmUp();
report({ event: "ready" });
await goAhead();
await runAll();
// Nothing else is needed to end: an idle semaphore keeps no process alive.
await store.close();
