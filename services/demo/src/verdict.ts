import type { PartResult } from "./progress.js";
import { type Settings, taskCount } from "./settings.js";

/**
 * What went wrong in a part that Sluice answers for; nothing, if it kept its word. The upstream's own record
 * decides: it knows nothing of semaphores.
 */
export function faults({ upstream, done, failures }: PartResult, settings: Settings): string[] {
  const found: string[] = [];
  if (upstream.highest > settings.limit) {
    found.push(
      `The limit of ${settings.limit} was exceeded: the upstream saw ${upstream.highest} calls at once.`,
    );
  }
  if (upstream.refused > 0) found.push(`Calls that the upstream refused: ${upstream.refused}.`);
  const total = taskCount(settings);
  const lost = total - Math.min(done, upstream.completed);
  if (lost > 0) found.push(`Tasks lost: ${lost} of ${total}.`);
  return [...found, ...failures];
}
