import { monotonicMs } from "./history/clock.js";

const everyMs = 10;

/** How late timers of this process were, in milliseconds. */
export interface Lateness {
  readonly worstMs: number;
  /** All of it together: time that the machine did not give to this process, or that its loop was blocked. */
  readonly totalMs: number;
}

/** Watches how late timers of this process are. The function that it returns says so up to then, and ends the watch. */
export function watchLateness(): () => Lateness {
  let last = monotonicMs();
  let worstMs = 0;
  let totalMs = 0;
  const look = () => {
    const now = monotonicMs();
    const lateMs = Math.max(0, now - last - everyMs);
    worstMs = Math.max(worstMs, lateMs);
    totalMs += lateMs;
    last = now;
  };
  const timer = setInterval(look, everyMs);
  timer.unref();
  return () => {
    clearInterval(timer);
    look();
    return { worstMs, totalMs };
  };
}
