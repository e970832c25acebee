import type { Span } from "./findings.js";

/** The code of an acquire whose time was over before it was granted. */
export const timeoutCode = "ACQUIRE_TIMEOUT";

/** One acquire, from its call to the end of its lease, as its own process saw it. Times are of the host's clock. */
export interface Acquire {
  readonly process: string;
  readonly call: number;
  readonly permits: number;
  readonly priority: number;
  /** Infinity: waits without end. */
  readonly waitMs: number;
  readonly invokedAt: number;
  /** `pending`: its process said no more of it. */
  outcome: "granted" | "failed" | "unknown" | "pending";
  /** When it was answered; Infinity for a pending one. */
  answeredAt: number;
  /** Why it failed, or is unknown. */
  code: string | undefined;
  /** From when on it was certainly queued, where it was; Infinity where nobody knows. */
  queuedAt: number;
  lease: string | undefined;
  fence: number | undefined;
  /** When its holder certainly believed in it: apart from each other, in order. */
  beliefs: Span[];
  /** Whether its holder was told that the lease is lost. */
  lost: boolean;
  release: Release | undefined;
}

export interface Release {
  readonly invokedAt: number;
  outcome: "released" | "was not held" | "unknown" | "pending";
  /** Infinity for a pending or unknown one. */
  answeredAt: number;
}

/** What whoever caused the faults knows of a process. One without a fate lived, or ended in good order. */
export interface Fate {
  readonly process: string;
  /** A moment before it was killed: the dead believe in nothing. */
  readonly killedAt?: number | undefined;
  /** When it was stopped, or its loop was blocked: it does not ask for anything then. */
  readonly pauses?: readonly Span[] | undefined;
}

/** The life of a process as the history knows it. */
export interface ProcessLife extends Span {
  readonly process: string;
  readonly pauses: readonly Span[];
  /** Whether it was alive when the history ended, or ended in good order. */
  readonly lived: boolean;
}

/** What all processes that used one semaphore did. */
export interface History {
  readonly semaphore: string;
  /** In the order of their calls. */
  readonly acquires: readonly Acquire[];
  readonly processes: ReadonlyMap<string, ProcessLife>;
  /** The time of the last event. */
  readonly endedAt: number;
}
