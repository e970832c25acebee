import { nameOf } from "./fences.js";
import type { Finding } from "./findings.js";
import type { History } from "./history.js";

/**
 * Waiters that were never answered although their process lived until the end.
 *
 * @param patienceMs how long one may be unanswered when the history ends
 */
export function* judgeLiveness(history: History, patienceMs: number): Generator<Finding> {
  for (const acquire of history.acquires) {
    const life = history.processes.get(acquire.process);
    if (acquire.outcome !== "pending" || life === undefined || !life.lived) continue;
    const waitedMs = history.endedAt - acquire.invokedAt;
    if (waitedMs > patienceMs) yield { kind: "waiter lost", waiter: nameOf(acquire), waitedMs };
  }
}
