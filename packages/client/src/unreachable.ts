export interface UnreachableOptions {
  readonly cause?: unknown;
  readonly mayHaveArrived: boolean;
  readonly stale?: boolean;
  readonly overdue?: boolean;
}

/** The sidecar, or the store behind it, is away for now: the same request may succeed a moment later. */
export class Unreachable extends Error {
  /** Whether the sidecar may have received the request, and may act on it. */
  readonly mayHaveArrived: boolean;
  /** Whether a kept connection turned out to be closed already, which says nothing about the sidecar. */
  readonly stale: boolean;
  /** Whether nothing was found out but that there was no answer in the time that there was for one. */
  readonly overdue: boolean;

  constructor(message: string, options: UnreachableOptions) {
    super(message, { cause: options.cause });
    this.mayHaveArrived = options.mayHaveArrived;
    this.stale = options.stale ?? false;
    this.overdue = options.overdue ?? false;
  }
}
