/** How often it is looked at, in milliseconds. */
const TICK_MS = 5_000;

/** In hidden tabs browsers let a timer run once a minute; a tick that is later than this, in milliseconds, was asleep. */
const ASLEEP_MS = 90_000;

/**
 * Calls `woken` after the machine has slept, or the tab was frozen. The time of day tells: the page's own clock, and every
 * timer with it, may stand still meanwhile.
 */
export function onWake(woken: () => void): void {
  let last = Date.now();
  setInterval(() => {
    const asleepMs = Date.now() - last;
    last = Date.now();
    if (asleepMs > ASLEEP_MS) woken();
  }, TICK_MS);
}
