import type { AcquireRequest, AcquireResult } from "@sluice/core";
import { bodyOf } from "./acquire-body.js";
import { LINGER_MS } from "./limits.js";
import { grantOf, outcomeOf } from "./outcome.js";
import { pathOf } from "./paths.js";
import { Refused } from "./refused.js";
import { backoffMs, pause, persist } from "./retry.js";
import type { AcquireAnswer } from "./shapes/answers.js";
import type { AcquireBody, ReleaseBody } from "./shapes/requests.js";
import type { Sidecar } from "./sidecar.js";
import { Unreachable } from "./unreachable.js";

/**
 * The longest wait asked for in one request. Proxies end silent requests, the least patient ones after a minute; and
 * a sidecar that has vanished without a word is found out when its answer is overdue.
 */
const SLICE_MS = 55_000;

/**
 * One acquire of the store's caller: as many requests as it takes, all with the same `Idempotency-Key`, so that they
 * are one acquire for the sidecar too. Between two of them it keeps the place in the queue for 5 s.
 */
export class Acquire {
  readonly #sidecar: Sidecar;
  readonly #request: AcquireRequest;
  readonly #answerMs: number;
  readonly #path: string;
  readonly #body: AcquireBody;
  #undecided = false;
  /** Tries that may have arrived, and that nobody has heard of since. */
  #unheard = 0;

  constructor(sidecar: Sidecar, request: AcquireRequest, answerMs: number) {
    this.#sidecar = sidecar;
    this.#request = request;
    this.#answerMs = answerMs;
    this.#path = pathOf(request.semaphore);
    this.#body = bodyOf(request);
  }

  /** Whether the sidecar may keep a place or a lease for it that nobody has been told of. */
  get undecided(): boolean {
    return this.#undecided;
  }

  /**
   * Asks until there is an outcome other than that one request's wait was over. The last request of a wait does not
   * wait itself: it takes the acquire out of the queue, unless the permit has come at the last moment.
   *
   * @throws Unreachable when the sidecar was away at the end of the wait, or when `signal` aborted
   */
  async run(signal: AbortSignal): Promise<AcquireResult> {
    const deadline = performance.now() + this.#request.waitMs;
    for (let failures = 0; ; ) {
      const leftMs = Math.max(0, deadline - performance.now());
      const waitMs = Math.ceil(Math.min(leftMs, SLICE_MS));
      try {
        const result = await this.#ask(waitMs, signal);
        if (this.#supersededItself(result)) continue;
        if (result.outcome !== "timeout" || waitMs === 0) return result;
        failures = 0;
      } catch (error) {
        if (!(error instanceof Unreachable) || signal.aborted) throw error;
        if (error.stale) continue;
        if (waitMs === 0) throw error;
        await pause(Math.min(backoffMs(failures++), leftMs), signal);
        if (signal.aborted) throw error;
      }
    }
  }

  /**
   * Makes the acquire undone, as well as can be: asking again without waiting takes it out of the queue, and what it
   * was granted is given back. While the sidecar is away there is nothing to do but try: it undoes the acquire itself
   * 5 s after it lost us, and what it does not undo lapses.
   */
  async undo(signal: AbortSignal): Promise<void> {
    const options = { deadline: performance.now() + LINGER_MS, signal };
    const result = await persist(() => this.#ask(0), options);
    if (result.outcome !== "granted") return;
    const body: ReleaseBody = { lease: result.lease };
    const path = `${this.#path}/release`;
    await persist(
      () => this.#sidecar.ask({ method: "POST", path, body, timeoutMs: this.#answerMs }),
      options,
    );
  }

  async #ask(waitMs: number, signal?: AbortSignal): Promise<AcquireResult> {
    try {
      const result = await this.#exchange(waitMs, signal);
      // A timed-out request leaves its place behind, for the next one; a request that did not wait has none.
      this.#undecided = result.outcome === "timeout" && waitMs > 0;
      return result;
    } catch (error) {
      if (error instanceof Unreachable && error.mayHaveArrived) {
        this.#undecided = true;
        this.#unheard += 1;
      }
      throw error;
    }
  }

  /** An own earlier try has come late, and has taken the place of the later one: asking again takes it back. */
  #supersededItself({ outcome }: AcquireResult): boolean {
    if (outcome !== "superseded" || this.#unheard === 0) return false;
    this.#unheard -= 1;
    return true;
  }

  async #exchange(waitMs: number, signal: AbortSignal | undefined): Promise<AcquireResult> {
    try {
      const { answer, sentAt } = await this.#sidecar.ask<AcquireAnswer>({
        method: "POST",
        path: `${this.#path}/acquire`,
        body: { ...this.#body, waitMs } satisfies AcquireBody,
        idempotencyKey: this.#request.lease,
        timeoutMs: waitMs + this.#answerMs,
        signal,
      });
      return grantOf(answer, sentAt);
    } catch (error) {
      const outcome = error instanceof Refused ? outcomeOf(error.problem) : undefined;
      if (outcome === undefined) throw error;
      return outcome;
    }
  }
}
