import { monotonicMs } from "../history/clock.js";
import type { HistoryLog } from "../history/log.js";

const everyMs = 20;
/** Shorter ones mean nothing: timers on a busy machine are late. */
const shortestMs = 100;

/** Logs when this process did nothing for a while, because it was stopped, blocked or starved. Returns what ends it. */
export function watchStalls(log: HistoryLog): () => void {
  let last = monotonicMs();
  const timer = setInterval(() => {
    const at = monotonicMs();
    if (at - last >= shortestMs) log.write({ kind: "stalled", at, from: last });
    last = at;
  }, everyMs).unref();
  return () => clearInterval(timer);
}
