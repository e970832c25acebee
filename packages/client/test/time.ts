import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { vi } from "vitest";

/** Timers count in whole milliseconds of a clock of their own. */
const spareMs = 20;

/**
 * Resolves in the loop's turn after that moment. On a machine that is late all timers are, and they still ring in the
 * order in which they were due: what was due by that moment has happened, also where it lets the loop read first.
 */
export async function turnAfter(moment: number): Promise<void> {
  await sleep(Math.max(0, moment - performance.now()) + spareMs);
  await nextTurn();
  await nextTurn();
}

/**
 * Time stands still in this process until it is let go: what takes some milliseconds is done within fewer, however slow
 * the machine is. Timers ring all the same, and whoever looks at the clock then finds that it is not time yet.
 */
export function holdClock(): { letGo(): void } {
  const trueNow = performance.now.bind(performance);
  const heldAt = trueNow();
  let stoodStillMs: number | undefined;
  vi.spyOn(performance, "now").mockImplementation(() =>
    stoodStillMs === undefined ? heldAt : trueNow() - stoodStillMs,
  );
  return {
    letGo: () => {
      stoodStillMs = trueNow() - heldAt;
    },
  };
}
