import type { AcquireRequest, AcquireResult, Renewal, RenewResult } from "@sluice/core";
import { Acquires } from "./acquires.js";
import type { Calls, Question } from "./calls.js";
import { pathOf } from "./paths.js";
import { claimBodies, renewBodies, renewResults } from "./renewals.js";
import type { ReleaseAnswer, RenewAnswer } from "./shapes/answers.js";
import type { ReleaseBody, RenewBody } from "./shapes/requests.js";
import type { ClaimedLease } from "./shapes/session.js";
import type { Sidecar } from "./sidecar.js";
import type { UnderWay } from "./under-way.js";

export interface PlainWayOptions {
  readonly sidecar: Sidecar;
  readonly calls: Calls;
  readonly answerMs: number;
  readonly maxLeaseMs: number;
  readonly underWay: UnderWay;
}

/** Acquires and leases over plain HTTP: one request for each, and the leases' holders renew them. */
export class PlainWay {
  readonly #calls: Calls;
  readonly #acquires: Acquires;
  readonly #maxLeaseMs: number;

  constructor({ sidecar, calls, answerMs, maxLeaseMs, underWay }: PlainWayOptions) {
    this.#calls = calls;
    this.#acquires = new Acquires(sidecar, answerMs, underWay);
    this.#maxLeaseMs = maxLeaseMs;
  }

  /** @throws Refused, Unreachable; also when all were stopped */
  acquire(request: AcquireRequest, signal: AbortSignal | undefined): Promise<AcquireResult> {
    return this.#acquires.run(request, signal);
  }

  /** Takes an acquire out of the queue, and gives back what it was granted. Never rejects. */
  undo(request: AcquireRequest): Promise<void> {
    return this.#acquires.undo(request);
  }

  stopAll(): void {
    this.#acquires.stopAll();
  }

  /**
   * Tried for as long as the lease may last: then it has lapsed by itself.
   *
   * @throws Refused, Unreachable
   */
  async release(semaphore: string, lease: string): Promise<boolean> {
    const body: ReleaseBody = { lease };
    const question: Question = { method: "POST", path: `${pathOf(semaphore)}/release`, body };
    const { answer } = await this.#calls.insist<ReleaseAnswer>(question, this.#maxLeaseMs);
    return answer.released;
  }

  /** By lease. @throws StoreUnavailableError */
  renew(semaphore: string, renewals: readonly Renewal[]): Promise<Map<string, RenewResult>> {
    return this.#renewAll(semaphore, renewBodies(renewals));
  }

  /** By lease. From now on each is renewed by its holder. @throws StoreUnavailableError */
  claim(semaphore: string, claims: readonly ClaimedLease[]): Promise<Map<string, RenewResult>> {
    return this.#renewAll(semaphore, claimBodies(claims));
  }

  async #renewAll(semaphore: string, bodies: readonly RenewBody[]): Promise<Map<string, RenewResult>> {
    const results = await Promise.all(bodies.map((body) => this.#renew(semaphore, body)));
    return new Map(results.flat().map((result) => [result.lease, result]));
  }

  async #renew(semaphore: string, body: RenewBody): Promise<RenewResult[]> {
    const question: Question = { method: "POST", path: `${pathOf(semaphore)}/renew`, body };
    const { answer, sentAt } = await this.#calls.ask<RenewAnswer>(question, semaphore);
    return renewResults(answer, sentAt);
  }
}
