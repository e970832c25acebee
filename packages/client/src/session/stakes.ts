/** A sidecar on which something depends is asked for a sign of life when it has said nothing for so long. */
export const BUSY_QUIET_MS = 10_000;
const MIN_QUIET_MS = 100;

/** What depends on a session: the leases that it renews, or is to take over. */
export interface Stakes {
  /** The time of the shortest lease; Infinity where there is none. */
  readonly shortestLeaseMs: number;
  /** When the first one ends that is not confirmed any more; Infinity where there is none. */
  readonly believedUntil: number;
}

/**
 * For how long a sidecar may say nothing: half of a lease's time; where little is left of what is believed, part of
 * that, so that another way can still be tried.
 */
export function quietFor({ shortestLeaseMs, believedUntil }: Stakes): number {
  const leftMs = believedUntil - performance.now();
  return Math.max(MIN_QUIET_MS, Math.min(BUSY_QUIET_MS, shortestLeaseMs / 2, leftMs / 3));
}
