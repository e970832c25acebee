const FIRST_MS = 500;
const LONGEST_MS = 10_000;

/**
 * How long to wait before the next attempt, in milliseconds: twice as long after each failure up to 10 s, of which the
 * latter half is random, so that the pages of a whole team do not come back all at once.
 *
 * @param failures how many attempts have failed in a row, 1 or more
 * @param random from 0 up to 1
 */
export function backoffMs(failures: number, random = Math.random()): number {
  const mostMs = Math.min(LONGEST_MS, FIRST_MS * 2 ** (failures - 1));
  return mostMs * (0.5 + random / 2);
}
