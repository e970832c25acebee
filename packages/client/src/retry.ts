import { setTimeout as sleep } from "node:timers/promises";
import { Unreachable } from "./unreachable.js";

export interface RetryOptions {
  /** Monotonic time after which nothing is tried again. */
  readonly deadline: number;
  /** Ends the pauses, and then fails as the last try did. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * What `ask` resolves to, asked again for as long as the sidecar is away.
 *
 * @throws Unreachable of the last try; any other error at once
 */
export async function persist<Answer>(
  ask: () => Promise<Answer>,
  { deadline, signal }: RetryOptions,
): Promise<Answer> {
  for (let failures = 0; ; ) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof Unreachable) || signal?.aborted) throw error;
      if (error.stale) continue;
      const pauseMs = backoffMs(failures++);
      if (performance.now() + pauseMs > deadline) throw error;
      await pause(pauseMs, signal);
    }
  }
}

/** 25 ms, doubled with every failure up to a second, with jitter, so that a fleet does not come back as one. */
export function backoffMs(failures: number): number {
  return Math.min(25 * 2 ** failures, 1_000) * (0.5 + Math.random() / 2);
}

/** Resolves after `ms`, or when `signal` aborts. */
export async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(ms, undefined, { ...(signal && { signal }) });
  } catch {
    // The pause was cut short; whoever waits looks at the signal.
  }
}

/** What `work` resolves to, if it does so within `ms`. It goes on in any case. @throws Unreachable */
export async function within<Result>(ms: number, work: Promise<Result>): Promise<Result> {
  let patience: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    const error = new Unreachable(`no answer within ${ms} ms`, { mayHaveArrived: true });
    // In a turn of its own: a loop that was blocked has read by then what had arrived.
    patience = setTimeout(() => setImmediate(reject, error), ms);
  });
  try {
    return await Promise.race([work, tooLate]);
  } finally {
    clearTimeout(patience);
  }
}
