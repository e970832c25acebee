/** Milliseconds of the host's monotonic clock, with their fraction: all processes of a host read the same one. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** How far the host's clock is ahead of this process's `performance.now()`, at least; both run alike. */
const aheadMs = tightest();

/** A moment of this process's `performance.now()` on the host's clock: at most some microseconds too early. */
export function onHostClock(performanceMs: number): number {
  return performanceMs + aheadMs;
}

/** The first clock is read first, so that each try errs downwards; the one that errs least is the highest. */
function tightest(): number {
  let highest = Number.NEGATIVE_INFINITY;
  for (let tries = 0; tries < 100; tries++) {
    const host = monotonicMs();
    highest = Math.max(highest, host - performance.now());
  }
  return highest;
}
