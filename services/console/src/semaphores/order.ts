import { longestWaitMs, type Semaphores, type Told } from "../fleet/fleet.js";

/** By what the semaphores can be sorted; `trouble` puts first what an on-call person wants to see. */
export const orders = ["trouble", "name", "use", "waiting", "wait"] as const;

export type Order = (typeof orders)[number];

const byName = (one: string, other: string) => (one < other ? -1 : one > other ? 1 : 0);

/** Coarse on purpose: a wait that grows by a second does not move its row. */
const waitsMs = [60_000, 10_000, 1_000];

/**
 * How much a semaphore wants to be looked at. Waiters come first, those who wait for long before those who came lately;
 * then what is full, then what is in use.
 */
export function troubleOf(told: Told, now: number): number {
  const { waiting, inUse, limit } = told.status;
  if (waiting > 0) {
    const waitedMs = longestWaitMs(told, now);
    const level = waitsMs.findIndex((leastMs) => waitedMs >= leastMs);
    return level === -1 ? 3 : 3 + waitsMs.length - level;
  }
  if (inUse >= limit) return 2;
  return inUse > 0 ? 1 : 0;
}

/** The names of those that are wanted, in order; equal ones by their names. */
export function arranged(
  semaphores: Semaphores,
  order: Order,
  isWanted: (name: string) => boolean,
  now: number,
): string[] {
  const names = [...semaphores.keys()].filter(isWanted).sort(byName);
  if (order === "name") return names;
  const ranks = new Map([...semaphores].map(([name, told]) => [name, rankOf(told, order, now)]));
  return names.sort((one, other) => (ranks.get(other) ?? 0) - (ranks.get(one) ?? 0));
}

/** The order of before, without what is gone or not wanted any more, and with what is new at its end. */
export function heldStill(
  before: readonly string[],
  semaphores: Semaphores,
  isWanted: (name: string) => boolean,
): string[] {
  const staying = before.filter((name) => semaphores.has(name) && isWanted(name));
  const known = new Set(staying);
  const added = [...semaphores.keys()].filter((name) => !known.has(name) && isWanted(name));
  return [...staying, ...added.sort(byName)];
}

function rankOf(told: Told, order: Exclude<Order, "name">, now: number): number {
  const { inUse, limit, waiting } = told.status;
  switch (order) {
    case "trouble":
      return troubleOf(told, now);
    case "use":
      return limit === 0 ? Math.sign(inUse) : inUse / limit;
    case "waiting":
      return waiting;
    case "wait":
      return longestWaitMs(told, now);
  }
}
