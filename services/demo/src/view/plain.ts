import type { TaskState } from "../app/report.js";
import type { PartStatus } from "../progress.js";
import { taskCount } from "../settings.js";

/** Beyond this many apps a line gives sums instead of a count for each. */
const MOST_APPS = 8;

/** A part's state in one line, for output that is no terminal. */
export function plainLine({ part, settings, apps, upstream, elapsedMs = 0 }: PartStatus): string {
  const done = apps.flat().filter((task) => task === "done").length;
  return [
    `${part.number} of 2`,
    `${(elapsedMs / 1_000).toFixed(1)} s`.padStart(6),
    `done ${done} of ${taskCount(settings)}`,
    `upstream ${upstream.running} of ${upstream.limit}, highest ${upstream.highest}, 429s ${upstream.refused}`,
    `hold ${perApp(apps, ["calling", "refused"])}`,
    `wait ${perApp(apps, ["waiting"])}`,
  ].join("  ");
}

function perApp(apps: PartStatus["apps"], states: readonly TaskState[]): string {
  const counts = apps.map((tasks) => tasks.filter((task) => states.includes(task)).length);
  return apps.length <= MOST_APPS ? counts.join("+") : `${counts.reduce((sum, count) => sum + count, 0)}`;
}
