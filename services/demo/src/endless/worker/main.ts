import { setTimeout as sleep } from "node:timers/promises";
import { sidecarStore } from "@sluice/client";
import { Semaphore } from "@sluice/core";
import { busy, type Workload, workloads } from "../workloads.js";
import { type Counts, nothing, sum } from "./counts.js";
import { type Lane, runLane } from "./lane.js";
import { fromArgs } from "./options.js";

const REPORT_EVERY_MS = 1_000;

/**
 * Leases of the worker that dies: short, so that its permits are soon back, and yet longer by far than what its last
 * call may take.
 */
const MORTAL_LEASE_MS = 6_000;

const { name, sidecar, upstreams, diesAfterMs } = fromArgs(process.argv.slice(2));
const isMortal = diesAfterMs !== undefined;
// Without a session, a sidecar learns of a death by the lease alone, which nobody renews any more: it lapses.
const store = sidecarStore(sidecar, { token: process.env.SLUICE_TOKEN, session: !isMortal });

function lanesOf(workload: Workload, index: number): Lane[] {
  const semaphore = new Semaphore(store, workload.semaphore, { limit: workload.limit, holder: name });
  return Array.from({ length: workload.lanes }, (_, lane) => ({
    workload,
    semaphore,
    taskUrl: `${upstreams[index]}/tasks/${name.replaceAll(" ", "-")}-${lane}`,
    ...(isMortal ? { leaseMs: MORTAL_LEASE_MS, onCalling: dieWhenItIsTime } : {}),
  }));
}

function dieWhenItIsTime(): void {
  if (performance.now() > (diesAfterMs ?? Number.POSITIVE_INFINITY)) process.kill(process.pid, "SIGKILL");
}

let counts = nothing;
function tell(more: Counts): void {
  counts = sum(counts, more);
}

function report(): void {
  process.send?.(counts);
  counts = nothing;
}

async function keepReporting(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await sleep(REPORT_EVERY_MS, undefined, { signal }).catch(() => {});
    report();
  }
}

const stop = new AbortController();
// It comes twice where all processes are told to end: then from the parent, too, which must not end what was begun.
process.on("SIGTERM", () => stop.abort());

const work = isMortal ? [busy] : workloads;
const lanes = work.flatMap(lanesOf).map((lane) => runLane(lane, tell, stop.signal));
const reports = keepReporting(stop.signal);
await Promise.all(lanes);
await reports;
report();
await store.close();
