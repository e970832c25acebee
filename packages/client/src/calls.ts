import type { Call } from "./exchange.js";
import { storeError } from "./failure.js";
import { Refused } from "./refused.js";
import { persist } from "./retry.js";
import type { ProblemCode } from "./shapes/problem.js";
import type { Answered, Sidecar } from "./sidecar.js";
import { Unreachable } from "./unreachable.js";

/** What is asked of a semaphore: a call but for the time it may take. */
export type Question = Pick<Call, "method" | "path" | "body">;

/** Everything that is asked but acquires: repeated while the sidecar is away, and answered in time or not at all. */
export class Calls {
  readonly #sidecar: Sidecar;
  readonly #answerMs: number;
  /** Aborts when nothing is to be repeated any more. */
  readonly #closing: AbortSignal;

  constructor(sidecar: Sidecar, answerMs: number, closing: AbortSignal) {
    this.#sidecar = sidecar;
    this.#answerMs = answerMs;
    this.#closing = closing;
  }

  /** @throws StoreUnavailableError when there was no answer within `answerMs`, and what the sidecar's problem stands for */
  async ask<Answer>(question: Question, semaphore?: string): Promise<Answered<Answer>> {
    try {
      return await this.insist<Answer>(question, this.#answerMs);
    } catch (error) {
      throw storeError(error, this.#sidecar.url, semaphore);
    }
  }

  /** The answer, or the code of the problem where it is one of `codes`. Throws as `ask` does. */
  async tryTo<Answer, Code extends ProblemCode>(
    question: Question,
    codes: readonly Code[],
  ): Promise<Answered<Answer> | Code> {
    try {
      return await this.insist<Answer>(question, this.#answerMs);
    } catch (error) {
      const code = error instanceof Refused && codes.find((expected) => expected === error.problem.code);
      if (code) return code;
      throw storeError(error, this.#sidecar.url);
    }
  }

  /** @throws Refused, Unreachable after `forMs`, with what was found out last */
  insist<Answer>(question: Question, forMs: number): Promise<Answered<Answer>> {
    const deadline = performance.now() + forMs;
    let before: Unreachable | undefined;
    const once = async () => {
      const leftMs = Math.max(1, deadline - performance.now());
      try {
        return await this.#sidecar.ask<Answer>({ ...question, timeoutMs: Math.min(leftMs, this.#answerMs) });
      } catch (error) {
        if (!(error instanceof Unreachable) || error.stale) throw error;
        // The last try may have had a millisecond; what the one before found out tells more.
        if (before === undefined || !error.overdue || leftMs >= this.#answerMs) before = error;
        throw before;
      }
    };
    return persist(once, { deadline, signal: this.#closing });
  }
}
