import { patienceMs } from "./call.js";

/** Those who wait for a connection that is being made. */
export class Arrivals {
  #waiting: (() => void)[] = [];

  /** Resolves when it was made, or could not be, and in any case after a while. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, patienceMs);
      this.#waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  tell(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const go of waiting) go();
  }
}
