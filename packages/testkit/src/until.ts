import { setTimeout as sleep } from "node:timers/promises";
import { monotonicMs } from "./history/clock.js";

export interface UntilOptions {
  /** Named in the error: "timed out after 5000 ms waiting for {what}". */
  readonly what: string;
  /** 5,000 when left out. */
  readonly timeoutMs?: number;
  /** Pause between two looks; 5 when left out. */
  readonly everyMs?: number;
}

/**
 * What `condition` returned, once that is truthy. A condition that throws counts as not met yet; its last error is
 * the `cause` when time runs out.
 *
 * @throws Error when the condition was not met within `timeoutMs`
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  { what, timeoutMs = 5_000, everyMs = 5 }: UntilOptions,
): Promise<NonNullable<T>> {
  // By the host's clock: a test may hold that of this process.
  const deadline = monotonicMs() + timeoutMs;
  for (;;) {
    let cause: unknown;
    try {
      const value = await condition();
      if (value) return value;
    } catch (error) {
      cause = error;
    }
    if (monotonicMs() >= deadline) {
      const detail = cause instanceof Error ? `: ${cause.message}` : "";
      throw new Error(`timed out after ${timeoutMs} ms waiting for ${what}${detail}`, { cause });
    }
    await sleep(everyMs);
  }
}
