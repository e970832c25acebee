import type { LimitChange } from "./judge.js";

/** What the limit may have been, as far as those who changed it know. */
export class Limits {
  readonly #steps: readonly { readonly from: number; readonly to: number; readonly limit: number }[];

  constructor(limit: number, changes: readonly LimitChange[] = []) {
    const steps = [
      { askedAt: Number.NEGATIVE_INFINITY, answeredAt: Number.NEGATIVE_INFINITY, limit },
      ...changes,
    ];
    // Each may have held from when it was asked for until the answer to the change after it.
    this.#steps = steps.map((step, index) => ({
      from: step.askedAt,
      to: steps[index + 1]?.answeredAt ?? Number.POSITIVE_INFINITY,
      limit: step.limit,
    }));
  }

  /** The highest limit that may have held at some moment between these two. */
  highestWithin(from: number, to: number): number {
    let highest = 0;
    for (const step of this.#steps) {
      if (step.from <= to && step.to >= from) highest = Math.max(highest, step.limit);
    }
    return highest;
  }

  /** The lowest limit that may have held at some moment between these two. */
  lowestWithin(from: number, to: number): number {
    let lowest = Number.POSITIVE_INFINITY;
    for (const step of this.#steps) {
      if (step.from <= to && step.to >= from) lowest = Math.min(lowest, step.limit);
    }
    return lowest;
  }

  /** From each of these moments on, the lowest limit that may hold. */
  lowestFrom(): { readonly at: number; readonly limit: number }[] {
    const moments = this.#steps.flatMap(({ from, to }) => [from, to]).filter(Number.isFinite);
    return [Number.NEGATIVE_INFINITY, ...moments.sort((one, other) => one - other)].map((at) => ({
      at,
      limit: Math.min(
        ...this.#steps.filter((step) => step.from <= at && at < step.to).map(({ limit }) => limit),
      ),
    }));
  }
}
