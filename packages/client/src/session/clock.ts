import { ServerClock } from "@sluice/core";

/** A host may have slept, and its clock with it: after so long a pair is replaced by any newer one. */
const PAIR_LASTS_MS = 60_000;

/** Maps times of a sidecar's clock to this process's, by the tightest pair of times that its answers have given. */
export class SessionClock {
  readonly #clock = new ServerClock();
  #sentAt = Number.NEGATIVE_INFINITY;

  /** The sidecar's clock showed `at` after a request was sent. */
  pair(sentAt: number, at: number): void {
    const expired = sentAt - this.#sentAt > PAIR_LASTS_MS;
    // The pair that is kept puts that moment later: its answer was faster, and the moment certainly is not before.
    if (!expired && sentAt < this.#clock.validUntil(at)) return;
    this.#sentAt = sentAt;
    this.#clock.pair("", sentAt, at);
  }

  /** Until when what the sidecar's clock ends at `endsAt` may be believed here; nothing before the first pair. */
  validUntil(endsAt: number): number {
    return this.#sentAt === Number.NEGATIVE_INFINITY ? this.#sentAt : this.#clock.validUntil(endsAt);
  }
}
