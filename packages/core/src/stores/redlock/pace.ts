/** How long a lane with waiters rests between two looks: from the one to the other while nothing happens. */
const pauses = { shortestMs: 8, longestMs: 100, growth: 1.5 } as const;
const afterLostVoteMs = 2;
const mostDoublings = 5;

/** How soon a lane looks again. */
export class Pace {
  #pauseMs: number = pauses.shortestMs;

  /** Something has happened: more may follow. */
  hurry(): void {
    this.#pauseMs = pauses.shortestMs;
  }

  /** Others were faster, for so many times: not at once again, or they would meet again. */
  yieldTo(times: number): void {
    this.#pauseMs = Math.min(afterLostVoteMs * 2 ** Math.min(times, mostDoublings), pauses.longestMs);
  }

  /** Longer and longer while nothing happens, never past the next lapse, and never all at once. */
  rest(nextLapseMs: number): number {
    const restMs = this.#pauseMs * (0.75 + Math.random() / 2);
    this.#pauseMs = Math.min(this.#pauseMs * pauses.growth, pauses.longestMs);
    return Math.min(restMs, Math.max(1, nextLapseMs + 1));
  }
}
