import { setTimeout as sleep } from "node:timers/promises";
import {
  type Acquire,
  describeFinding,
  type Finding,
  type History,
  judge,
  monotonicMs,
  type Report,
  seededRandom,
  watchLateness,
} from "@sluice/testkit";
import { between, type Cause, type Fault, leaseMs, limit, slackMs } from "./fault.js";
import { longestIdle } from "./idle.js";
import { onStage } from "./stage.js";
import type { World } from "./world.js";

/** How long everything together may take on a machine that does not keep up. */
const patienceMs = 20_000;
/** Where a timer was later than that, the machine was not able to keep any time. */
const latenessMs = 100;
/** Within which processes start and have had a permit each. */
const warmUpMs = 400;

/** What one run has shown. */
export interface Outcome {
  readonly seed: number;
  /** How many permits more than the limit were believed in at the worst moment. */
  readonly permitsOver: number;
  /** For how long the limit was exceeded, all in all, in milliseconds. */
  readonly overMs: number;
  /** How long it took from the cause until the limit was exceeded for the last time. */
  readonly regainedMs: number;
  /** How long a permit lay idle at most, in milliseconds. */
  readonly idleMs: number;
  /** How late a timer was at the worst, in milliseconds. */
  readonly lateMs: number;
  /** Whether the machine kept up, so that `idleMs` says something. Beliefs are judged in any case. */
  readonly timed: boolean;
  readonly granted: number;
  /** What breaks a promise, a line each. */
  readonly broken: readonly string[];
}

/** Lets the fault happen to a fleet under load, and judges what the fleet has done. */
export async function runFault(fault: Fault, seed: number): Promise<Outcome> {
  const random = seededRandom(seed);
  return onStage(fault.stage ?? {}, random, async (world) => {
    using lateness = watchLateness();
    await sleep(between(random, [warmUpMs, 2 * warmUpMs]));
    const cause = await fault.inflict(world);
    await sleep(fault.idleMs + slackMs);
    await endOf(world);
    return outcomeOf(fault, seed, { cause, lateMs: lateness.worstMs }, world);
  });
}

/** Ends the work of those who are left. What the dead have held or were handed comes back within two leases. */
async function endOf(world: World): Promise<void> {
  await world.dismissAll();
  await world.left(2 * leaseMs + patienceMs);
}

function outcomeOf(
  fault: Fault,
  seed: number,
  { cause, lateMs }: { readonly cause: Cause; readonly lateMs: number },
  world: World,
): Outcome {
  const { promise, order, fences } = fault;
  const outages = cause.outages ?? [];
  const history = world.history();
  const report = judge(history, { limit, order, fences, outages });
  const idle = longestIdle(history, limit, outages);
  const outcome = {
    seed,
    permitsOver: report.permitsOver,
    overMs: report.overMs,
    regainedMs: regainedMs(report, cause.regainFrom),
    idleMs: idle.to - idle.from,
    lateMs,
    timed: lateMs <= latenessMs,
    granted: report.counts.granted,
  };
  const regained = promise === "regained";
  return {
    ...outcome,
    broken: [
      ...report.findings.filter((finding) => !regained || !isTolerated(finding)).map(describeFinding),
      ...(regained ? lateRegain(outcome) : overAtTheUpstream(history, world)),
      ...longIdle(outcome, fault),
    ],
  };
}

/** Where the limit may be exceeded for a while, no order of what happened explains it. */
function isTolerated({ kind }: Finding): boolean {
  return kind === "over" || kind === "not linearizable";
}

function regainedMs({ findings }: Report, from = monotonicMs()): number {
  const ends = findings.flatMap((finding) => (finding.kind === "over" ? [finding.to - from] : []));
  return Math.max(0, ...ends);
}

function lateRegain({ regainedMs }: { readonly regainedMs: number }): string[] {
  if (regainedMs <= leaseMs) return [];
  return [`over: the limit was exceeded until ${regainedMs.toFixed(0)} ms after the cause`];
}

/** It counts where everybody's work was over before the lease was: who is stopped or starved works on without one. */
function overAtTheUpstream(history: History, { upstream }: World): string[] {
  if (upstream.highest <= limit || history.acquires.some(isOutworked)) return [];
  return [`over: the upstream saw ${upstream.highest} at once, under a limit of ${limit}`];
}

function isOutworked({ lost, release, beliefs }: Acquire): boolean {
  if (lost || release?.outcome === "was not held") return true;
  const believedUntil = beliefs.at(-1)?.to;
  return release !== undefined && believedUntil !== undefined && believedUntil < release.invokedAt;
}

function longIdle(
  { idleMs, timed }: { readonly idleMs: number; readonly timed: boolean },
  { idleMs: boundMs }: Fault,
): string[] {
  if (!timed || idleMs <= boundMs + slackMs) return [];
  return [
    `stuck: a permit that somebody waited for lay idle for ${idleMs.toFixed(0)} ms, and ${boundMs} are promised`,
  ];
}
