import type { NodeOptions, Range, Span } from "@sluice/testkit";
import type { World } from "./world.js";

/** What a fault takes beside Redis. */
export type Need = "faketime" | "namespaces";

/** The longest lease, which is also the one that all workers ask for. */
export const leaseMs = 1_000;
/** How much later than promised something may be: processes are woken, reconnect, and are not alone on the machine. */
export const slackMs = 500;
/** How many permits there are. */
export const limit = 6;

/**
 * What happens to a fleet under load, and what is promised then. The load is more than the limit allows at all times, so
 * that a permit which lies idle is one that somebody waits for.
 */
export interface Fault {
  /** As the table of the guarantees calls it. */
  readonly name: string;
  /**
   * - kept: the limit is never exceeded
   * - regained: it may be exceeded for a while, and is kept again after one longest lease
   */
  readonly promise: "kept" | "regained";
  /** How long after the cause is gone a permit may lie idle at most, in milliseconds. */
  readonly idleMs: number;
  /** Left out: a Redis alone. */
  readonly needs?: Need;
  /** Whether waiters keep their order; true when left out. It is not judged where they wait during the cause. */
  readonly order?: boolean;
  /** Whether a later grant has a higher fence; true when left out. */
  readonly fences?: boolean;
  readonly stage?: Stage;
  /** Does it, and resolves when the cause is gone. Those who choose at random do so by `world.random`. */
  inflict(world: World): Promise<Cause>;
}

/** What the world is made of. */
export interface Stage {
  /** Further arguments of Redis. */
  readonly redis?: readonly string[];
  /** Redis has a clock of its own. */
  readonly clock?: boolean;
  /** A replica follows Redis, over a link that can fail. */
  readonly replica?: boolean;
  /** Workers reach Redis through a proxy, which can fail and lead them elsewhere. */
  readonly front?: boolean;
  /** There is another host, for workers that are `away`. */
  readonly host?: boolean;
  /** So many sidecars, in front of Redis; workers use them by turns. */
  readonly sidecars?: number;
  /** What each worker does; four that do the common thing when left out. */
  readonly crew?: readonly Job[];
}

/** What one worker does. */
export interface Job {
  /** How many acquires it has under way, or holds, at once; 4 when left out. */
  readonly loops?: number;
  /** How long it works under a permit; [20, 120] when left out. */
  readonly workMs?: Range;
  /** How its process is started. */
  readonly options?: (random: () => number) => NodeOptions;
  /** It runs on another host. */
  readonly away?: boolean;
  /** It uses the scripts of another version of the library. */
  readonly otherScripts?: boolean;
}

/**
 * Some work on for longer than a lease: what they hold is lost with the server's data, or older than any copy of it. The
 * work of the others is soon over, and shows how soon permits go from hand to hand again.
 */
export const mixedCrew: readonly Job[] = [
  { loops: 3, workMs: [500, 2_500] },
  { loops: 3, workMs: [500, 2_500] },
  {},
  {},
];

/** When something stood in the way of the store, on the host's monotonic clock. */
export interface Cause {
  /** When nobody could be served, or places in the queue could be lost. */
  readonly outages?: readonly Span[];
  /**
   * For causes that may exceed the limit: from when on a longest lease counts until it is kept again. Taken when the cause
   * has certainly come about: before that leases were granted in good order, however late the machine let it happen.
   */
  readonly regainFrom?: number;
}

/** A whole number, both ends included. */
export function between(random: () => number, [from, to]: Range): number {
  return from + Math.floor(random() * (to - from + 1));
}

/** One of them. */
export function oneOf<Item>(random: () => number, items: readonly Item[]): Item {
  const item = items[Math.floor(random() * items.length)];
  if (item === undefined) throw new Error("there is nothing to choose from");
  return item;
}
