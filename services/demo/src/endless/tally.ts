import type { UpstreamStats } from "../upstream/server.js";
import { type Counts, nothing, sum } from "./worker/counts.js";

/** Longer than a Redis that has just started, or a sidecar that starts anew, grants nothing. */
const QUIET_MS = 30_000;

/** Where the load stands at one moment. */
export interface Standing extends Counts {
  /** Since the start. */
  readonly elapsedMs: number;
  /** Times that a process was killed while it held a permit. */
  readonly killed: number;
  /** Calls that an upstream refused: none, while the limit is kept. */
  readonly refused: number;
  /** The upstreams, in the order of the workloads. */
  readonly upstreams: readonly UpstreamStats[];
  /** Whether a task was done lately. */
  readonly isWorking: boolean;
}

/** Adds up what the workers and the upstreams tell. */
export class Tally {
  readonly #now: () => number;
  readonly #startedAt: number;
  #counts: Counts = nothing;
  #killed = 0;
  #lastDoneAt: number;
  #upstreams: readonly UpstreamStats[] = [];

  /** @param now milliseconds, as `performance.now()` */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#startedAt = now();
    this.#lastDoneAt = Number.NEGATIVE_INFINITY;
  }

  add(counts: Counts): void {
    this.#counts = sum(this.#counts, counts);
    if (counts.done > 0) this.#lastDoneAt = this.#now();
  }

  noteKilled(): void {
    this.#killed += 1;
  }

  noteFailure(reason: string): void {
    this.add({ ...nothing, failed: 1, reason });
  }

  observe(upstreams: readonly UpstreamStats[]): void {
    this.#upstreams = upstreams;
  }

  standing(): Standing {
    const now = this.#now();
    return {
      ...this.#counts,
      elapsedMs: now - this.#startedAt,
      killed: this.#killed,
      refused: this.#upstreams.reduce((all, { refused }) => all + refused, 0),
      upstreams: this.#upstreams,
      isWorking: now - this.#lastDoneAt < QUIET_MS,
    };
  }
}
