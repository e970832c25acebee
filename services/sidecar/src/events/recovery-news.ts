import type { FeedEvents } from "@sluice/client/shapes";
import { msLeft, type Recovery } from "../operation/recovery.js";
import type { Statuses } from "./changes.js";

/** One that the semaphores show and that this process has not heard of: nothing went through it since. */
const unheardOf: Partial<Recovery> = {};

/** What listeners have to know of the store's recoveries. */
export class RecoveryNews {
  #known: Partial<Recovery> | undefined;

  /** For those who come now; undefined while there is no recovery. */
  get current(): FeedEvents["recovery"] | undefined {
    return this.#known && eventOf(this.#known);
  }

  /** For those who have heard all news before; undefined where there is none. @param heard what the store has told */
  look(heard: Recovery | undefined, statuses: Statuses): FeedEvents["recovery"] | undefined {
    const before = this.#known;
    this.#known = heard ?? (isSeenIn(statuses) ? (before ?? unheardOf) : undefined);
    if (this.#known === before) return undefined;
    return this.current ?? { active: false };
  }
}

function isSeenIn(statuses: Statuses): boolean {
  for (const { recovering } of statuses.values()) if (recovering) return true;
  return false;
}

function eventOf({ until, cause }: Partial<Recovery>): FeedEvents["recovery"] {
  return {
    active: true,
    ...(until !== undefined && { untilMs: msLeft({ until, cause }) }),
    ...(cause !== undefined && { cause }),
  };
}
