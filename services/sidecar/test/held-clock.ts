import { vi } from "vitest";

/**
 * From now on the time passes by itself, also after a test that has not come to its end. What was started before is
 * good for nothing but to be closed.
 */
export function letTimePass(): void {
  vi.useRealTimers();
}

/**
 * Holds the clock of this process, for whatever is started under it: timers and `performance.now()` go on by `pass`
 * alone, however long a busy machine takes. What goes over sockets takes the time that it takes; wait for it with
 * `until`, which goes by the host's clock.
 */
export class HeldClock {
  constructor() {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  }

  /** Rings every timer that is due by then. */
  async pass(ms: number): Promise<void> {
    await vi.advanceTimersByTimeAsync(ms);
  }

  [Symbol.dispose](): void {
    letTimePass();
  }
}
