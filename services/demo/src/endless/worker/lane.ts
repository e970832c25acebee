import { randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { AcquireAbortedError, AcquireTimeoutError, type Semaphore } from "@sluice/core";
import { callUpstream } from "../../app/call.js";
import type { Want, Workload } from "../workloads.js";
import { type Counts, nothing } from "./counts.js";

/** So that nobody is asked in a tight loop while the sidecar is away. */
const AFTER_FAILURE_MS = 1_000;

export interface Lane {
  readonly workload: Workload;
  readonly semaphore: Semaphore;
  /** Its task at the upstream: one lane has one at a time, so that the upstream's record does not grow. */
  readonly taskUrl: string;
  /** How long its leases last unless renewed; left out, the semaphore's. */
  readonly leaseMs?: number;
  /** Called once a task has called its upstream, while it holds its permits. */
  readonly onCalling?: () => void;
}

/** Does one task after the other until `stop` aborts; a task that runs then is finished. */
export async function runLane(lane: Lane, tell: (counts: Counts) => void, stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    const counts = await runTask(lane, stop);
    tell(counts);
    const ms = counts.failed > 0 ? AFTER_FAILURE_MS : pauseMs(lane.workload);
    await sleep(ms, undefined, { signal: stop }).catch(() => {});
  }
}

async function runTask(lane: Lane, stop: AbortSignal): Promise<Counts> {
  const { workload, semaphore, leaseMs } = lane;
  const want = oneOf(workload.wants);
  const options = { ...want, waitMs: workload.waitMs, leaseMs, signal: stop };
  try {
    await semaphore.use(({ signal }) => callAll(lane, want, signal), options);
    return { ...nothing, done: 1 };
  } catch (error) {
    if (error instanceof AcquireTimeoutError) return { ...nothing, timedOut: 1 };
    if (error instanceof AcquireAbortedError) return nothing;
    return { ...nothing, failed: 1, reason: String(error) };
  }
}

/** As many calls at once as there are permits. */
async function callAll({ taskUrl, onCalling }: Lane, { permits }: Want, signal: AbortSignal): Promise<void> {
  const calls = Array.from({ length: permits }, (_, call) =>
    callUpstream(`${taskUrl}-${call}`, () => onCalling?.(), signal),
  );
  await Promise.all(calls);
}

function pauseMs({ rhythm }: Workload): number {
  if ("pauseMs" in rhythm) return rhythm.pauseMs * (0.5 + Math.random());
  return rhythm.everyMs - (Date.now() % rhythm.everyMs);
}

function oneOf(wants: Workload["wants"]): Want {
  return wants[randomInt(wants.length)] ?? { permits: 1, priority: 0 };
}
