import { commandTimeoutMs } from "./client.js";
import type { Quorum } from "./quorum.js";
import { mayBeHeld, type View } from "./view.js";

/** A vote is carried or given back within the time of a command, for which its caller waits. */
const settledMs = commandTimeoutMs + 100;

/**
 * Leases that too few masters hold, and that have been seen so for longer than a vote takes: a master was away when they
 * were released, or was asked so late that nobody waited for it any more. Their slots need not lie idle until they
 * lapse there. To be wrong costs a vote: masters that hold a slot give it to nobody else.
 */
export class Leftovers {
  readonly #since = new Map<string, number>();

  in(view: View, quorum: Quorum): ReadonlySet<string> {
    const now = performance.now();
    const few = [...view.leases.values()].filter((seen) => !mayBeHeld(seen, view, quorum));
    const named = new Set(few.map(({ lease }) => lease));
    for (const lease of this.#since.keys()) if (!named.has(lease)) this.#since.delete(lease);
    for (const lease of named) if (!this.#since.has(lease)) this.#since.set(lease, now);
    return new Set([...named].filter((lease) => now - (this.#since.get(lease) ?? now) > settledMs));
  }
}
