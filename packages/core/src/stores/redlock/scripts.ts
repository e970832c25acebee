import { createHash } from "node:crypto";
import { startingMs } from "./freshness.js";
import { lookLua, meetLua, namesLua, releaseLua, revokeLua, tellLua, voteLua } from "./scripts.generated.js";

/** The highest limit: fences of one round are told apart by their slot, so there are as many slots. */
export const maxLimit = 1_000;

/** How long a semaphore made in passing outlives its last use. */
const idleMs = 600_000;
/** The waiters of a process that has not looked for so long are passed over, */
const silentMs = 1_500;
/** and after this time forgotten. */
const forgetMs = 10_000;
/** A queue that nobody looks at any more vanishes. */
const queueMs = 60_000;
/** A master that was away for less than this learns on its return that a semaphore was removed. */
const tombstoneMs = 86_400_000;

/** One script as every master knows it. */
export interface Script {
  readonly text: string;
  readonly sha: string;
}

export type Scripts = ReturnType<typeof scriptsFor>;

/** @param maxLeaseMs for how long a master gives no votes after it has started */
export function scriptsFor(maxLeaseMs: number) {
  const constants = {
    MAX_LEASE_MS: maxLeaseMs,
    // A lease that is held is a use, however long it is.
    IDLE_MS: Math.max(idleMs, maxLeaseMs),
    STARTING_MS: startingMs,
    SILENT_MS: silentMs,
    FORGET_MS: forgetMs,
    QUEUE_MS: queueMs,
    TOMBSTONE_MS: tombstoneMs,
    FENCES_PER_ROUND: maxLimit,
  };
  const names = Object.keys(constants).join(", ");
  // Renewals and releases go on when a master is out of memory.
  const head = `#!lua flags=allow-oom\nlocal ${names} = ${Object.values(constants).join(", ")}\n`;
  const script = (source: string): Script => {
    const text = head + source;
    return { text, sha: createHash("sha1").update(text).digest("hex") };
  };
  return {
    look: script(lookLua),
    meet: script(meetLua),
    names: script(namesLua),
    release: script(releaseLua),
    revoke: script(revokeLua),
    tell: script(tellLua),
    vote: script(voteLua),
  };
}
