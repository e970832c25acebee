import type { History, Span } from "@sluice/testkit";

/** What changes at a moment, and by how much. */
interface Change {
  readonly at: number;
  readonly believed: number;
  readonly waiting: number;
  readonly outages: number;
}

/**
 * The longest time in which a permit lay idle without a break while somebody waited whose process was alive and awake.
 * Other permits may have gone from hand to hand meanwhile. Outages do not count.
 */
export function longestIdle(history: History, limit: number, outages: readonly Span[]): Span {
  const changes = changesIn(history, outages);
  let [believed, waiting, away] = [0, 0, 0];
  let from: number | undefined;
  let longest: Span = { from: 0, to: 0 };
  for (const change of changes) {
    if (from !== undefined && change.at - from > longest.to - longest.from) longest = { from, to: change.at };
    believed += change.believed;
    waiting += change.waiting;
    away += change.outages;
    const idle = believed < limit && waiting > 0 && away === 0;
    from = idle ? (from ?? change.at) : undefined;
  }
  return longest;
}

/** All changes of one moment are one: a permit that ends as another begins was not idle. */
function changesIn(history: History, outages: readonly Span[]): Change[] {
  const changes: Change[] = [];
  const add = ({ from, to }: Span, change: Partial<Omit<Change, "at">>) => {
    if (to <= from) return;
    const { believed = 0, waiting = 0, outages: away = 0 } = change;
    changes.push({ at: from, believed, waiting, outages: away });
    changes.push({ at: to, believed: -believed, waiting: -waiting, outages: -away });
  };
  for (const outage of outages) add(outage, { outages: 1 });
  for (const { process, permits, beliefs, invokedAt, answeredAt } of history.acquires) {
    for (const belief of beliefs) add(belief, { believed: permits });
    const life = history.processes.get(process);
    if (life === undefined) continue;
    add({ from: invokedAt, to: Math.min(answeredAt, life.to, history.endedAt) }, { waiting: 1 });
    for (const pause of life.pauses) {
      const [from, to] = [Math.max(invokedAt, pause.from), Math.min(answeredAt, pause.to)];
      add({ from, to }, { waiting: -1 });
    }
  }
  return joined(changes.sort((one, other) => one.at - other.at));
}

function joined(changes: readonly Change[]): Change[] {
  const moments: Change[] = [];
  for (const change of changes) {
    const last = moments.at(-1);
    if (last?.at !== change.at) {
      moments.push(change);
      continue;
    }
    moments[moments.length - 1] = {
      at: change.at,
      believed: last.believed + change.believed,
      waiting: last.waiting + change.waiting,
      outages: last.outages + change.outages,
    };
  }
  return moments;
}
