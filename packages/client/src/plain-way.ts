import type { AcquireRequest, AcquireResult, Renewal, RenewResult } from "@sluice/core";
import { Acquires } from "./acquires.js";
import type { Calls, Question } from "./calls.js";
import { leaseKey } from "./lease-key.js";
import { pathOf } from "./paths.js";
import { claimBodies, renewBodies, renewResults } from "./renewals.js";
import { claimOfGrant } from "./session/claims.js";
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
  /** What was granted, as it would be claimed, until it ends. */
  readonly #granted = new Map<string, ClaimedLease>();

  constructor({ sidecar, calls, answerMs, maxLeaseMs, underWay }: PlainWayOptions) {
    this.#calls = calls;
    this.#acquires = new Acquires(sidecar, answerMs, underWay);
    this.#maxLeaseMs = maxLeaseMs;
  }

  /** @throws Refused, Unreachable; also when all were stopped */
  async acquire(request: AcquireRequest, signal: AbortSignal | undefined): Promise<AcquireResult> {
    const result = await this.#acquires.run(request, signal);
    if (result.outcome === "granted") this.#remember(claimOfGrant(request, result));
    return result;
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
    this.forget(semaphore, lease);
    const body: ReleaseBody = { lease };
    const question: Question = { method: "POST", path: `${pathOf(semaphore)}/release`, body };
    const { answer } = await this.#calls.insist<ReleaseAnswer>(question, this.#maxLeaseMs);
    return answer.released;
  }

  /**
   * By lease. What is not known any more is told as a whole, once: a sidecar that has restarted, and recovers, then
   * restores it.
   *
   * @throws StoreUnavailableError
   */
  async renew(semaphore: string, renewals: readonly Renewal[]): Promise<Map<string, RenewResult>> {
    const results = await this.#renewAll(semaphore, renewBodies(renewals));
    const claims: ClaimedLease[] = [];
    for (const result of results.values()) {
      const claim = this.#granted.get(leaseKey(semaphore, result.lease));
      if (claim && !result.renewed && result.reason === "lapsed") claims.push(claim);
    }
    if (claims.length === 0) return results;
    return new Map([...results, ...(await this.claim(semaphore, claims))]);
  }

  /** By lease. From now on each is renewed by its holder. @throws StoreUnavailableError */
  async claim(semaphore: string, claims: readonly ClaimedLease[]): Promise<Map<string, RenewResult>> {
    const results = await this.#renewAll(semaphore, claimBodies(claims));
    for (const claim of claims) {
      if (results.get(claim.lease)?.renewed) this.#remember(claim);
      else this.forget(semaphore, claim.lease);
    }
    return results;
  }

  /** The lease has ended, or is renewed by a session. */
  forget(semaphore: string, lease: string): void {
    this.#granted.delete(leaseKey(semaphore, lease));
  }

  #remember(claim: ClaimedLease): void {
    this.#granted.set(leaseKey(claim.semaphore, claim.lease), claim);
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
