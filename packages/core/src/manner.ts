import { acquireChecks, type Checks, tryAcquireChecks } from "./arguments.js";
import type { AcquireOptions, TryAcquireOptions } from "./options.js";
import { type Refusal, refusalError } from "./refusal.js";
import type { AcquireRequest } from "./store.js";

/** How acquire and tryAcquire differ. */
export interface Manner<Options, Refused> {
  readonly checks: Checks<Options>;
  /** Where the options do not say. */
  readonly waitMs: number;
  readonly refused: (refusal: Refusal, request: AcquireRequest, signal?: AbortSignal) => Refused;
}

export const waiting: Manner<AcquireOptions, never> = {
  checks: acquireChecks,
  waitMs: Number.POSITIVE_INFINITY,
  refused: (refusal, request, signal) => {
    throw refusalError(refusal, request, signal);
  },
};

export const trying: Manner<TryAcquireOptions, undefined> = {
  checks: tryAcquireChecks,
  waitMs: 0,
  refused: (refusal, request, signal) => {
    if (refusal.outcome !== "timeout") throw refusalError(refusal, request, signal);
  },
};

export const noOptions = Object.freeze({});
