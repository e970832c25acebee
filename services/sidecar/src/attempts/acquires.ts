import type { AcquireRequest, AcquireResult, Grant, Store } from "@sluice/core";
import { ClientCount, type Limits } from "../limits/client-limits.js";
import { MadeInPassing } from "../limits/made-in-passing.js";
import type { Asked } from "./asked.js";
import type { Attempt } from "./attempt.js";
import type { Attempts } from "./attempts.js";
import { refusalProblem } from "./refusal.js";

export interface AcquiresOptions {
  readonly store: Store;
  readonly attempts: Attempts;
  readonly limits: Limits;
  /** For how long the place of an acquire that has a name outlives its caller. */
  readonly lingerMs: number;
}

/** Every acquire that a sidecar carries out, whichever way it came: over HTTP, in a session, or to be held. */
export class Acquires {
  readonly #options: AcquiresOptions;
  readonly #waiters: ClientCount;
  readonly #made: MadeInPassing;

  constructor(options: AcquiresOptions) {
    this.#options = options;
    this.#waiters = new ClientCount(options.limits.waitersPerClient, "waiting acquires");
    this.#made = new MadeInPassing(options.limits.semaphoresInPassing);
  }

  /**
   * Asks the store. The grant is the caller's once it is `told` of it and `delivered`; a caller that is gone before is
   * to be `forsaken`.
   *
   * @throws HttpProblem TOO_MANY_REQUESTS
   */
  start({ request, caller, named }: Asked): Acquire {
    const uncount = request.waitMs > 0 ? this.#waiters.add(caller.name) : () => {};
    const lingerMs = named ? this.#options.lingerMs : 0;
    const asked = this.#made.allowed(patient(request, lingerMs));
    // A place that is kept for its caller is a place.
    const attempt = this.#options.attempts.start(asked, lingerMs, uncount);
    return new Acquire(request, attempt, lingerMs, this.#options.store, this.#made);
  }

  /** Whether one more semaphore of this name may be made in passing, or it was made so before. */
  mayMake(semaphore: string): boolean {
    return this.#made.remember(semaphore);
  }
}

/** One acquire under way. */
export class Acquire {
  readonly request: AcquireRequest;
  /** @throws HttpProblem that says why nothing was granted */
  readonly grant: Promise<Grant>;
  readonly #attempt: Attempt;
  readonly #lingerMs: number;
  readonly #store: Store;
  readonly #made: MadeInPassing;

  constructor(
    request: AcquireRequest,
    attempt: Attempt,
    lingerMs: number,
    store: Store,
    made: MadeInPassing,
  ) {
    this.request = request;
    this.#attempt = attempt;
    this.#lingerMs = lingerMs;
    this.#store = store;
    this.#made = made;
    this.grant = this.#granted();
    // A caller that is gone does not listen.
    this.grant.catch(() => {});
  }

  /** The caller is about to be told of its grant. */
  told(): void {
    this.#attempt.told();
  }

  /** The caller has what it was granted. */
  delivered(): void {
    this.#attempt.delivered();
  }

  /** The caller is gone; it may come back within `lingerMs`, where its acquire has a name. */
  forsake(lingerMs = this.#lingerMs): void {
    this.#attempt.forsake(Math.min(lingerMs, this.#lingerMs));
  }

  async #granted(): Promise<Grant> {
    const result = await this.#inTime();
    if (result.outcome === "granted") return result;
    this.#made.requireMade(this.request, result);
    throw refusalProblem(result, this.request);
  }

  /** The store's own word, or that the wait is over while the attempt lingers. */
  async #inTime(): Promise<AcquireResult> {
    const { semaphore, waitMs } = this.request;
    if (waitMs === 0 || this.#lingerMs === 0) return this.#attempt.answer;
    const result = await within(waitMs, this.#attempt.answer);
    if (result !== undefined) return result;
    this.#attempt.forsake();
    // Also finds out whether the store is there at all: if it is not, that is what the caller must hear.
    const snapshot = await this.#store.inspect(semaphore, { pageSize: 1 });
    return snapshot === undefined ? { outcome: "unknown" } : { outcome: "timeout", limit: snapshot.limit };
  }
}

/** The store keeps the place for longer than the caller waits, so that a caller that comes back finds it. */
function patient(request: AcquireRequest, lingerMs: number): AcquireRequest {
  return request.waitMs === 0 ? request : { ...request, waitMs: request.waitMs + lingerMs };
}

/** Undefined when `work` takes longer. */
async function within<Result>(ms: number, work: Promise<Result>): Promise<Result | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms);
  });
  try {
    return await Promise.race([work, over]);
  } finally {
    clearTimeout(timer);
  }
}
