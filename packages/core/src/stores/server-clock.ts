/** A lease is believed a little shorter than the server counts: rounding, and two clocks that run unevenly. */
const roundingMs = 2;
const unevenness = 0.002;

/**
 * Maps times of the server's clock to this process's monotonic clock, on the safe side.
 *
 * It keeps one pair per incarnation: the monotonic time before a call was sent, and the server's time when it ran. The
 * call ran after it was sent, so `sent + (t - server)` is never later than the moment at which the server's clock shows t.
 * A grant is therefore never counted from when a push arrived (it may have sat in a buffer), nor from before a long wait.
 */
export class ServerClock {
  #sentAt = 0;
  #serverAt = 0;
  #answeredAt = 0;
  #incarnation = "";

  /** @param sentAt monotonic time before the call was sent @param serverAt the server's time in its reply */
  pair(incarnation: string, sentAt: number, serverAt: number): void {
    this.#incarnation = incarnation;
    this.#sentAt = sentAt;
    this.#serverAt = serverAt;
    this.#answeredAt = performance.now();
  }

  /** When the last call was answered. */
  get answeredAt(): number {
    return this.#answeredAt;
  }

  /** The life of the server that the pair is of; "" before there is one. */
  get incarnation(): string {
    return this.#incarnation;
  }

  knows(incarnation: string): boolean {
    return incarnation === this.#incarnation;
  }

  /** Until when, in monotonic time, a lease may be believed that the server ends at `expiresAt`. */
  validUntil(expiresAt: number): number {
    const aheadMs = expiresAt - this.#serverAt;
    return this.#sentAt + aheadMs - roundingMs - Math.max(0, aheadMs) * unevenness;
  }
}
