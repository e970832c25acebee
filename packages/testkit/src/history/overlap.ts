/** A time in which somebody believed in a lease, on a clock that all who are judged share. */
export interface Belief {
  readonly from: number;
  readonly to: number;
  readonly permits: number;
}

/** The most permits that were believed in at one moment. What ends at a moment does not overlap what begins at it. */
export function highestOverlap(beliefs: Iterable<Belief>): number {
  const changes: [at: number, permits: number][] = [];
  for (const { from, to, permits } of beliefs) {
    if (to > from) changes.push([from, permits], [to, -permits]);
  }
  changes.sort(([at, permits], [otherAt, otherPermits]) => at - otherAt || permits - otherPermits);
  let now = 0;
  let highest = 0;
  for (const [, permits] of changes) {
    now += permits;
    highest = Math.max(highest, now);
  }
  return highest;
}
