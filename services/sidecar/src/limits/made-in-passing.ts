import type { AcquireRequest, AcquireResult } from "@sluice/core";
import { HttpProblem } from "../http/problem.js";

/** As long as a semaphore made in passing outlives its last use. */
const IDLE_MS = 600_000;

/**
 * Bounds the semaphores that acquires make in passing. The names that were asked to be made are remembered for as long
 * as such a semaphore lives; when there are too many, an acquire makes no new one, and what exists goes on.
 */
export class MadeInPassing {
  readonly #most: number;
  /** Name to the time of its last use; the least recently used first. */
  readonly #usedAt = new Map<string, number>();

  constructor(most: number) {
    this.#most = most;
  }

  /** The request as it may be carried out: without making the semaphore where there are too many. */
  allowed(request: AcquireRequest): AcquireRequest {
    if (request.create === undefined || this.remember(request.semaphore)) return request;
    return { ...request, create: undefined };
  }

  /** @throws HttpProblem TOO_MANY_REQUESTS where the semaphore does not exist because it was not made */
  requireMade(asked: AcquireRequest, result: AcquireResult): void {
    if (result.outcome !== "unknown" || asked.create === undefined) return;
    throw new HttpProblem(
      "TOO_MANY_REQUESTS",
      `this sidecar has made ${this.#most} semaphores in passing, and makes no more; an operator can with PUT`,
    );
  }

  /** False where there are too many, and this is not one of them. */
  remember(semaphore: string): boolean {
    const now = performance.now();
    this.#forgetIdle(now);
    if (!this.#usedAt.delete(semaphore) && this.#usedAt.size >= this.#most) return false;
    this.#usedAt.set(semaphore, now);
    return true;
  }

  #forgetIdle(now: number): void {
    for (const [semaphore, usedAt] of this.#usedAt) {
      if (now - usedAt < IDLE_MS) return;
      this.#usedAt.delete(semaphore);
    }
  }
}
