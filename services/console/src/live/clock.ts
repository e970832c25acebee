import { useEffect, useState } from "preact/hooks";

/**
 * The time by the page's own clock, in milliseconds since it was opened: ages are counted by it, because it does not jump.
 */
export const now = (): number => performance.now();

/** The time of day at a moment of the page's own clock. */
export function timeOfDay(at: number): string {
  return new Date(Date.now() - (now() - at)).toLocaleTimeString();
}

/** Draws the component again every second, so that ages grow. Rests while the tab is hidden. */
export function useNow(everyMs = 1_000): number {
  const [time, setTime] = useState(now);
  useEffect(() => {
    const tick = () => {
      if (!document.hidden) setTime(now());
    };
    const timer = setInterval(tick, everyMs);
    document.addEventListener("visibilitychange", tick);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", tick);
    };
  }, [everyMs]);
  return time;
}
