import { monotonicMs } from "@sluice/testkit";

const everyMs = 10;

/** Watches how late timers of this process are; the function that it returns ends that, and says how late at the worst. */
export function watchLateness(): () => number {
  let last = monotonicMs();
  let worstMs = 0;
  const look = () => {
    const now = monotonicMs();
    worstMs = Math.max(worstMs, now - last - everyMs);
    last = now;
  };
  const timer = setInterval(look, everyMs);
  return () => {
    clearInterval(timer);
    look();
    return worstMs;
  };
}
