import { setImmediate as nextTurn } from "node:timers/promises";

/**
 * Lets the loop read what lies behind a request: one turn to get to the next reading, one to do it. A request may
 * have lain in a buffer, before a sidecar that was stopped, while its caller gave up and asked again elsewhere. Were it
 * carried out now, the lease would belong to it, the latest attempt, and its hang-up, which lies right behind it, would
 * undo what the caller holds.
 */
export async function hasReadOn(): Promise<void> {
  await nextTurn();
  await nextTurn();
}
