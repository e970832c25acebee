import { fencedOf, judgeFences, judgeLeases, nameOf } from "./fences.js";
import { describeFinding, type Finding, type Span } from "./findings.js";
import type { Acquire, History } from "./history.js";
import { Limits } from "./limits.js";
import { type Explanation, explain } from "./linearizability.js";
import { judgeLiveness } from "./liveness.js";
import { judgeOrder } from "./order.js";
import { BeliefColumns, type Overlap, sweepBeliefs } from "./overlap.js";
import { longestStuck } from "./stuck.js";

/** The limit was changed at some moment between these two; Infinity: nobody knows whether. */
export interface LimitChange {
  readonly askedAt: number;
  readonly answeredAt: number;
  readonly limit: number;
}

export interface Rules {
  /** In the beginning. */
  readonly limit: number;
  /** In the order in which they were made. */
  readonly limitChanges?: readonly LimitChange[] | undefined;
  /** Whether the store promises order; true when left out. */
  readonly order?: boolean | undefined;
  /** Whether the store gives fences that grow in grant order; true when left out. */
  readonly fences?: boolean | undefined;
  /**
   * When nobody could be served, or places in the queue could be lost: the store was away, restarted or recovered.
   * Order is not judged for acquires that waited in one, and the time stuck is counted from its end.
   */
  readonly outages?: readonly Span[] | undefined;
  /** How long a waiter may be unanswered when the history ends, if its process lives; 0 when left out. */
  readonly patienceMs?: number | undefined;
}

export interface Report {
  /** What breaks a promise; at most 100 of each kind. Empty: the history is honest. */
  readonly findings: readonly Finding[];
  /** Whether some order explains it; undefined where it was too long to search for one. */
  readonly linearizable: boolean | undefined;
  /** The most permits that were certainly believed in at one moment, and when. */
  readonly highest: { readonly permits: number; readonly at: number };
  /** By how many permits the limit was exceeded at the worst moment; 0: never. */
  readonly permitsOver: number;
  /** For how long, all in all, in milliseconds. */
  readonly overMs: number;
  /** The longest time in which somebody waited, had room by all beliefs, and nobody was granted anything. */
  readonly stuck: Span & { readonly ms: number };
  /** The longest time from an acquire's call to its grant. */
  readonly longestWaitMs: number;
  readonly counts: {
    readonly acquires: number;
    readonly granted: number;
    readonly failed: number;
    readonly unknown: number;
    readonly pending: number;
    readonly lost: number;
  };
}

/** No more findings of one kind are told. */
const findingsOfAKind = 100;
/** Longer histories are not searched for an order: it takes too long, and the other checks find what matters. */
const searchedAcquires = 300;
const notSearched: Explanation = { found: undefined, findings: [] };

/**
 * Judges a history by what is certain: it reports nothing that could have been otherwise. What each check takes for
 * certain stands with it; `docs/testing.md` has it all.
 */
export function judge(history: History, rules: Rules): Report {
  const { order = true, fences = true, outages = [], patienceMs = 0 } = rules;
  const limits = new Limits(rules.limit, rules.limitChanges);
  const granted = history.acquires.filter(({ outcome }) => outcome === "granted");
  const { overlap, findings } = judgeOverlap(granted, limits);
  const short = history.acquires.length <= searchedAcquires;
  const explanation = short ? explain(history, { limits, fences, outages }) : notSearched;
  const judged = [
    findings,
    judgeLeases(granted),
    fences ? judgeFences(fencedOf(granted)) : [],
    order && fences ? judgeOrder(history, outages) : [],
    judgeLiveness(history, patienceMs),
    explanation.findings,
  ];
  return {
    findings: judged.flatMap((each) => first(each, findingsOfAKind)),
    linearizable: explanation.found,
    highest: { permits: overlap.permits, at: overlap.at },
    permitsOver: overlap.excesses.reduce((most, { permits, limit }) => Math.max(most, permits - limit), 0),
    overMs: overlap.excesses.reduce((sum, { from, to }) => sum + (to - from), 0),
    stuck: withLength(longestStuck(history, limits, outages)),
    longestWaitMs: granted.reduce(
      (longest, { invokedAt, answeredAt }) => Math.max(longest, answeredAt - invokedAt),
      0,
    ),
    counts: countsOf(history.acquires),
  };
}

/** What a report found, a line each, and nothing where it is honest: for messages of failed tests. */
export function describeReport({ findings }: Report): string {
  return findings.map(describeFinding).join("\n");
}

function judgeOverlap(
  granted: readonly Acquire[],
  limits: Limits,
): { readonly overlap: Overlap; readonly findings: Generator<Finding> } {
  const columns = new BeliefColumns();
  const believers: Acquire[] = [];
  for (const acquire of granted) {
    for (const { from, to } of acquire.beliefs) {
      // Granted at some moment between; whatever was granted since then was admitted by the limit of that time.
      const allowed = limits.highestWithin(acquire.invokedAt, from);
      if (columns.add({ from, to, permits: acquire.permits }, allowed)) believers.push(acquire);
    }
  }
  const overlap = sweepBeliefs(columns);
  return { overlap, findings: findingsOf(overlap, believers) };
}

function* findingsOf({ excesses }: Overlap, believers: readonly Acquire[]): Generator<Finding> {
  for (const { index, ...excess } of excesses) {
    yield { kind: "over", ...excess, grant: nameOf(believers[index] as Acquire) };
  }
}

function first<Item>(items: Iterable<Item>, count: number): Item[] {
  const taken: Item[] = [];
  for (const item of items) {
    if (taken.length === count) break;
    taken.push(item);
  }
  return taken;
}

function withLength(span: Span): Report["stuck"] {
  return { ...span, ms: span.to - span.from };
}

function countsOf(acquires: readonly Acquire[]): Report["counts"] {
  const counts = { acquires: acquires.length, granted: 0, failed: 0, unknown: 0, pending: 0, lost: 0 };
  for (const { outcome, lost } of acquires) {
    counts[outcome] += 1;
    if (lost) counts.lost += 1;
  }
  return counts;
}
