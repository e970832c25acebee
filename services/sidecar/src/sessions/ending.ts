import { closeCodes } from "@sluice/client/shapes";

/**
 * What becomes of a session's leases and of its waiting acquires when its connection ends.
 *
 * - goodbye: its client has said that it is done. All is given back at once.
 * - lapse: its client goes while somebody may still believe. The leases are left to their time.
 * - lost: nobody knows. Both ends are told at once where the kernel of one host carries the connection; otherwise what
 *   the session holds is kept for a while, in which its client may come back and claim it.
 * - cut: the sidecar has ended it, because its client is gone, does not read, or says what cannot be read. It may go on
 *   believing what it was told before.
 * - restart: the sidecar itself ends. Its clients claim their leases elsewhere, or from the next one.
 */
export type Ending = "goodbye" | "lapse" | "lost" | "cut" | "restart";

/** A client that says no code (1005) does so on purpose; what a proxy says when it ends (1001) is no word of the client. */
const goodbyes: ReadonlySet<number> = new Set([closeCodes.goodbye, 1005]);

export function endingOf(closeCode: number): Ending {
  if (closeCode === closeCodes.leaveToLapse) return "lapse";
  return goodbyes.has(closeCode) ? "goodbye" : "lost";
}
