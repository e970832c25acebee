import type { StoreObserver } from "@sluice/core";
import { type Call, Exchange } from "./exchange.js";
import { answerOf } from "./reply.js";
import { Unreachable } from "./unreachable.js";

export interface Answered<Answer> {
  readonly answer: Answer;
  readonly status: number;
  /** Monotonic time just before the request was sent. */
  readonly sentAt: number;
}

/** A sidecar as its client sees it: questions, answers, and whether it is there. */
export class Sidecar {
  readonly url: string;
  readonly #exchange: Exchange;
  readonly #observers = new Set<StoreObserver>();
  #up = true;

  constructor(url: URL, token: string | undefined) {
    this.url = url.href;
    this.#exchange = new Exchange(url, token);
  }

  /** One request. @throws Refused, Unreachable, StoreUnavailableError */
  async ask<Answer>(call: Call): Promise<Answered<Answer>> {
    try {
      const reply = await this.#exchange.send(call);
      const answer = answerOf(reply) as Answer;
      this.sawUp();
      this.tellRoundtrip(reply.sentAt, answer);
      return { answer, status: reply.status, sentAt: reply.sentAt };
    } catch (error) {
      if (!(error instanceof Unreachable)) this.sawUp();
      else if (!error.stale && !call.signal?.aborted) this.sawDown(error);
      throw error;
    }
  }

  observe(observer: StoreObserver): () => void {
    this.#observers.add(observer);
    return () => this.#observers.delete(observer);
  }

  close(): void {
    this.#exchange.close();
  }

  /** One request was answered. What it waited for its permits is not the sidecar's slowness. */
  tellRoundtrip(sentAt: number, answer: unknown): void {
    const waitedMs = (answer as { waitedMs?: number } | undefined)?.waitedMs ?? 0;
    const durationMs = performance.now() - sentAt - waitedMs;
    for (const observer of this.#observers) observer.roundtrip?.({ durationMs, operations: 1 });
  }

  sawUp(): void {
    if (this.#up) return;
    this.#up = true;
    for (const observer of this.#observers) observer.availability?.({ up: true });
  }

  sawDown(cause: unknown): void {
    if (!this.#up) return;
    this.#up = false;
    for (const observer of this.#observers) observer.availability?.({ up: false, cause });
  }
}
