import type { Span } from "./findings.js";

/** A time in which somebody believed in a lease, on a clock that all who are judged share. */
export interface Belief extends Span {
  readonly permits: number;
}

/** A stretch in which more was believed in than was allowed. */
export interface Excess extends Span {
  /** The most that were believed in at its worst moment. */
  readonly permits: number;
  /** What was allowed when the belief began that made it so. */
  readonly limit: number;
  /** The place of that belief among those that were swept. */
  readonly index: number;
}

export interface Overlap {
  readonly permits: number;
  readonly at: number;
  readonly excesses: readonly Excess[];
}

/** The most permits that were believed in at one moment. What ends at a moment does not overlap what begins at it. */
export function highestOverlap(beliefs: Iterable<Belief>): number {
  return sweepBeliefs(BeliefColumns.of(beliefs)).permits;
}

/**
 * Finds the highest overlap, and where more was believed in than allowed when the latest belief began: that a belief
 * ends cannot exceed anything, also under a limit that was lowered meanwhile.
 *
 * A million beliefs take about 2 s, most of it for sorting, and 40 bytes each: so in columns, and no object for each.
 */
export function sweepBeliefs({ length, from, to, permits, allowed }: BeliefColumns): Overlap {
  const starts = orderOf(from, length);
  const ends = orderOf(to, length);
  const excesses: Excess[] = [];
  let excess: Excess | undefined;
  let highest = 0;
  let highestAt = 0;
  let believed = 0;
  let ended = 0;

  const endUpTo = (moment: number) => {
    for (; ended < length; ended++) {
      const index = ends[ended] as number;
      const at = to[index] as number;
      if (at > moment) return;
      believed -= permits[index] as number;
      if (excess !== undefined && believed <= excess.limit) close(at);
    }
  };
  const close = (at: number) => {
    if (excess !== undefined && at > excess.from) excesses.push({ ...excess, to: at });
    excess = undefined;
  };

  for (const index of starts) {
    const at = from[index] as number;
    endUpTo(at);
    believed += permits[index] as number;
    if (believed > highest) {
      highest = believed;
      highestAt = at;
    }
    const limit = allowed[index] as number;
    if (believed <= limit) close(at);
    else if (excess === undefined)
      excess = continued(excesses, { from: at, to: at, permits: believed, limit, index });
    else if (believed - limit > excess.permits - excess.limit)
      excess = { ...excess, permits: believed, limit, index };
  }
  endUpTo(Number.POSITIVE_INFINITY);
  return { permits: highest, at: highestAt, excesses };
}

/** One excess that begins where the last one ended is the same: a belief took the place of another at that moment. */
function continued(excesses: Excess[], excess: Excess): Excess {
  const last = excesses.at(-1);
  if (last === undefined || last.to < excess.from) return excess;
  excesses.pop();
  const worse = excess.permits - excess.limit > last.permits - last.limit ? excess : last;
  return { ...worse, from: last.from };
}

/** Beliefs by column; those that last no time are left out. */
export class BeliefColumns {
  length = 0;
  from = new Float64Array(1024);
  to = new Float64Array(1024);
  permits = new Float64Array(1024);
  /** What was allowed in all, when each of them began. */
  allowed = new Float64Array(1024);

  static of(beliefs: Iterable<Belief>): BeliefColumns {
    const columns = new BeliefColumns();
    for (const belief of beliefs) columns.add(belief, Number.POSITIVE_INFINITY);
    return columns;
  }

  /** True where it lasts any time, and has a place: the next number from 0. */
  add({ from, to, permits }: Belief, allowed: number): boolean {
    if (to <= from) return false;
    if (this.length === this.from.length) this.#grow();
    this.from[this.length] = from;
    this.to[this.length] = to;
    this.permits[this.length] = permits;
    this.allowed[this.length] = allowed;
    this.length += 1;
    return true;
  }

  #grow(): void {
    this.from = doubled(this.from);
    this.to = doubled(this.to);
    this.permits = doubled(this.permits);
    this.allowed = doubled(this.allowed);
  }
}

function doubled(column: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const longer = new Float64Array(column.length * 2);
  longer.set(column);
  return longer;
}

/** The places of a column's values in ascending order of these. */
export function orderOf(column: Float64Array, length: number): Uint32Array {
  const order = new Uint32Array(length);
  for (let index = 0; index < length; index++) order[index] = index;
  return order.sort((one, other) => (column[one] as number) - (column[other] as number));
}
