/** A pause in new grants, until the store knows of every lease that may still be believed. */
export interface Recovery {
  /** When it ends at the latest, by `performance.now()`. */
  readonly until: number;
  /** What has happened to the store. */
  readonly cause: string | undefined;
}

/** For how much longer nothing is granted, at most; in whole milliseconds. */
export function msLeft({ until }: Recovery): number {
  return Math.max(0, Math.ceil(until - performance.now()));
}
