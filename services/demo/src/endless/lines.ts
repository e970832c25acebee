import { counted, duration } from "../view/text.js";
import type { EndlessSettings } from "./settings.js";
import type { Standing } from "./tally.js";
import { workloads } from "./workloads.js";

/** What is said before the load begins. */
export function openingLine({ sidecars, processes, killEveryMs }: EndlessSettings): string {
  const who = counted(processes, "process", "processes");
  return `Load on ${sidecars.join(", ")}: ${who}, and one that is killed every ${duration(killEveryMs)}.`;
}

/** One line about where the load stands, of which `before` was the last one. */
export function standingLine(now: Standing, before?: Standing): string {
  const uses = now.upstreams.map(({ running, limit }, index) => {
    return `${workloads[index]?.semaphore} ${running}/${limit}`;
  });
  const failedNow = now.failed - (before?.failed ?? 0);
  return [
    duration(Math.round(now.elapsedMs / 1_000) * 1_000).padStart(6),
    ...uses,
    `done ${now.done}`,
    `timed out ${now.timedOut}`,
    `killed ${now.killed}`,
    `429s ${now.refused}`,
    ...(failedNow > 0 ? [`failed ${failedNow}: ${now.reason}`] : []),
  ].join("  ");
}

/** What is said at the end. */
export function closingLine({ done, refused, elapsedMs }: Standing): string {
  const work = `${counted(done, "task")} in ${duration(Math.round(elapsedMs / 1_000) * 1_000)}`;
  return refused === 0
    ? `Stopped after ${work}: no upstream ever refused a call.`
    : `Stopped after ${work}: upstreams refused ${counted(refused, "call")}. Was a limit raised?`;
}
