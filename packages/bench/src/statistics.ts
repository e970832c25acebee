/** The value below which `part` (0 to 1) of the values lie: the nearest rank. @throws Error where there are none */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)];
  if (value === undefined) throw new Error("there is nothing to take a quantile of");
  return value;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** From when to when something lasted. */
export type Span = readonly [from: number, to: number];

/** How many spans there are at once at most; one that ends as another begins does not meet it. */
export function mostAtOnce(spans: readonly Span[]): number {
  const steps = spans.flatMap(([from, to]) => [
    { at: from, by: 1 },
    { at: to, by: -1 },
  ]);
  steps.sort((a, b) => a.at - b.at || a.by - b.by);
  let now = 0;
  let most = 0;
  for (const { by } of steps) {
    now += by;
    most = Math.max(most, now);
  }
  return most;
}
