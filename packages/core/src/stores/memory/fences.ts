/** A fence so far ahead of the clock was never given out. */
const IMPLAUSIBLE_MS = 86_400_000;
/** Up to here the clock may drive fences; a day's worth is left above it for counting on, still in exact integers. */
const LAST_CLOCK_MS = Math.floor(Number.MAX_SAFE_INTEGER / 1000) - IMPLAUSIBLE_MS;

/**
 * Where the fences of a store come from: the wall clock at its start, in microseconds, which goes on by the ledger's
 * clock. So fences normally grow over restarts, too.
 */
export class FenceClock {
  readonly #epochMs: number;
  readonly #floor: number;

  /**
   * @param epochMs the wall clock when the ledger's clock was 0
   * @param floor no fence is as low as this one, wherever the wall clock may have been set
   */
  constructor(epochMs = 0, floor = 0) {
    this.#epochMs = epochMs;
    this.#floor = floor;
  }

  /** The lowest fence of a grant at `now`, in the ledger's clock. */
  at(now: number): number {
    return Math.max(this.#floor + 1, Math.min(this.#epochMs + now, LAST_CLOCK_MS) * 1000);
  }

  /** Whether a fence can have been given out before `now`. */
  plausible(fence: number, now: number): boolean {
    return fence > 0 && fence <= this.at(now) + IMPLAUSIBLE_MS * 1000;
  }

  /** When a fence was given out, as far as it tells; in the ledger's clock. */
  grantedAt(fence: number, now: number): number {
    return Math.min(Math.floor(fence / 1000) - this.#epochMs, now);
  }
}
