import type { Span } from "./findings.js";
import { type Acquire, type History, timeoutCode } from "./history.js";
import type { Limits } from "./limits.js";

export interface Model {
  readonly limits: Limits;
  /** Whether a later grant has a higher fence. */
  readonly fences: boolean;
  /** When a refusal needs no reason. */
  readonly outages: readonly Span[];
}

/** What takes place at one moment between `from` and `to`. */
export interface Operation {
  readonly kind: "grant" | "refusal" | "end";
  readonly acquire: Acquire;
  readonly from: number;
  /** Infinity: it may never take place. */
  readonly to: number;
  /** The limit that allows most: of a grant the highest that may have held, of a refusal the lowest. */
  readonly limit: number;
}

/** What a single semaphore must have gone through, if the history is honest. */
export function operationsOf({ acquires }: History, { limits, outages }: Model): Operation[] {
  const operations: Operation[] = [];
  for (const acquire of acquires) {
    const { invokedAt, answeredAt } = acquire;
    const limit = limits.highestWithin(invokedAt, answeredAt);
    const window = { from: invokedAt, to: answeredAt };
    if (acquire.outcome === "granted") {
      operations.push({ kind: "grant", acquire, ...window, limit }, endOf(acquire));
    } else if (isPlainRefusal(acquire, acquires, outages)) {
      operations.push({
        kind: "refusal",
        acquire,
        ...window,
        limit: limits.lowestWithin(invokedAt, answeredAt),
      });
    }
  }
  return operations;
}

/** The end of a lease that was granted. */
function endOf(acquire: Acquire): Operation {
  const { release, beliefs, answeredAt } = acquire;
  if (release?.outcome === "released") {
    return { kind: "end", acquire, from: release.invokedAt, to: release.answeredAt, limit: 0 };
  }
  const from = beliefs.at(-1)?.to ?? answeredAt;
  return { kind: "end", acquire, from, to: Number.POSITIVE_INFINITY, limit: 0 };
}

/** Whether only what was granted can have been the reason for a refusal. */
function isPlainRefusal(acquire: Acquire, all: readonly Acquire[], outages: readonly Span[]): boolean {
  if (acquire.waitMs !== 0 || acquire.code !== timeoutCode) return false;
  const { invokedAt, answeredAt } = acquire;
  const others = all.filter((other) => other !== acquire && other.invokedAt <= answeredAt);
  const unseen = others.some(
    ({ outcome, waitMs, answeredAt: until }) =>
      outcome === "unknown" || outcome === "pending" || (waitMs > 0 && until >= invokedAt),
  );
  return !unseen && !outages.some(({ from, to }) => from <= answeredAt && to >= invokedAt);
}
