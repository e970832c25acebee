import type { HistoryEvent } from "./events.js";
import type { Acquire, Fate, History, ProcessLife } from "./history.js";
import { ProcessStory } from "./process-story.js";

/**
 * Joins what each process has logged, and what was done to it, to one history.
 *
 * @throws Error where a log does not begin as one, or the logs are not of one semaphore
 */
export function assembleHistory(
  logs: Iterable<Iterable<HistoryEvent>>,
  fates: readonly Fate[] = [],
): History {
  const fateOf = new Map(fates.map((fate) => [fate.process, fate]));
  const acquires: Acquire[] = [];
  const processes = new Map<string, ProcessLife>();
  const semaphores = new Set<string>();
  let endedAt = Number.NEGATIVE_INFINITY;
  for (const log of logs) {
    const story = ProcessStory.of(log);
    const life = story.close(fateOf.get(story.process));
    if (processes.has(story.process)) throw new Error(`two logs are of the process "${story.process}"`);
    processes.set(story.process, life);
    semaphores.add(story.semaphore);
    for (const acquire of story.acquires) acquires.push(acquire);
    endedAt = Math.max(endedAt, story.lastAt);
  }
  const [semaphore = "", ...others] = semaphores;
  if (others.length > 0) throw new Error(`the logs are of several semaphores: ${[...semaphores].join(", ")}`);
  acquires.sort((one, other) => one.invokedAt - other.invokedAt);
  return { semaphore, acquires, processes, endedAt };
}
