import type { Span } from "./findings.js";
import type { History } from "./history.js";
import type { Limits } from "./limits.js";
import { orderOf } from "./overlap.js";

/** What changes at a moment. The value is how much more it is from then on; of `limit` what it is. */
const change = { believed: 0, waiting: 1, outage: 2, limit: 3, granted: 4 };

/**
 * The longest time in which somebody waited whose process was alive and awake, everyone who waited would have had room
 * by all that is believed, and nobody was granted anything. It is how long permits lay idle: after a holder's death,
 * while a waiter that died was still in the way, in a recovery. Outages do not count.
 */
export function longestStuck(history: History, limits: Limits, outages: readonly Span[]): Span {
  const changes = changesOf(history, limits, outages);
  const order = orderOf(Float64Array.from(changes.at), changes.at.length);
  const scene = new Scene();
  let longest: Span = { from: 0, to: 0 };
  let from: number | undefined;
  for (const index of order) {
    const at = changes.at[index] as number;
    const kind = changes.kind[index] as number;
    // Whatever the moment brings, until now it lasted.
    if (from !== undefined && at - from > longest.to - longest.from) longest = { from, to: at };
    scene.apply(kind, changes.value[index] as number);
    if (!scene.stuck) from = undefined;
    else if (from === undefined || kind === change.granted) from = at;
  }
  return longest;
}

/** Who believes, who waits, and what is allowed at one moment. */
class Scene {
  #believed = 0;
  #outages = 0;
  #limit = 0;
  /** How many wait for how many permits. */
  readonly #waiting = new Map<number, number>();
  #largest = 0;

  get stuck(): boolean {
    return this.#outages === 0 && this.#largest > 0 && this.#believed + this.#largest <= this.#limit;
  }

  apply(kind: number, value: number): void {
    if (kind === change.believed) this.#believed += value;
    else if (kind === change.waiting) this.#wait(Math.abs(value), Math.sign(value));
    else if (kind === change.outage) this.#outages += value;
    else if (kind === change.limit) this.#limit = value;
  }

  #wait(permits: number, by: number): void {
    const count = (this.#waiting.get(permits) ?? 0) + by;
    if (count > 0) this.#waiting.set(permits, count);
    else this.#waiting.delete(permits);
    if (count > 0 && permits > this.#largest) this.#largest = permits;
    else if (count === 0 && permits === this.#largest) this.#largest = Math.max(0, ...this.#waiting.keys());
  }
}

function changesOf(history: History, limits: Limits, outages: readonly Span[]): Changes {
  const changes = new Changes();
  for (const acquire of history.acquires) {
    for (const belief of acquire.beliefs) changes.addSpan(belief, change.believed, acquire.permits);
    if (acquire.outcome === "granted") changes.add(acquire.answeredAt, change.granted, 0);
    const life = history.processes.get(acquire.process);
    if (acquire.waitMs === 0 || life === undefined) continue;
    const wait = {
      from: acquire.invokedAt,
      to: Math.min(acquire.answeredAt, life.to, history.endedAt),
    };
    for (const awake of without(wait, life.pauses)) changes.addSpan(awake, change.waiting, acquire.permits);
  }
  for (const outage of outages) changes.addSpan(outage, change.outage, 1);
  for (const { at, limit } of limits.lowestFrom()) changes.add(at, change.limit, limit);
  return changes;
}

/** What of a span is left without these. */
function without(span: Span, holes: readonly Span[]): Span[] {
  return holes.reduce<Span[]>(
    (rests, hole) =>
      rests.flatMap(({ from, to }) =>
        hole.to <= from || hole.from >= to
          ? [{ from, to }]
          : [
              { from, to: hole.from },
              { from: hole.to, to },
            ].filter((rest) => rest.to > rest.from),
      ),
    [span],
  );
}

/** By column: there are some five for each acquire. */
class Changes {
  readonly at: number[] = [];
  readonly kind: number[] = [];
  readonly value: number[] = [];

  add(at: number, kind: number, value: number): void {
    this.at.push(at);
    this.kind.push(kind);
    this.value.push(value);
  }

  addSpan({ from, to }: Span, kind: number, value: number): void {
    if (to <= from) return;
    this.add(from, kind, value);
    this.add(to, kind, -value);
  }
}
