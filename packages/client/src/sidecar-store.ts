import {
  type AcquireRequest,
  type AcquireResult,
  type DefineResult,
  type Definition,
  InvalidArgumentError,
  type Page,
  type ReleaseRequest,
  type Renewal,
  type RenewResult,
  type ResizeResult,
  type SemaphorePage,
  type Snapshot,
  type Store,
  type StoreObserver,
  StoreUnavailableError,
} from "@sluice/core";
import { Acquires } from "./acquires.js";
import { Calls, type Question } from "./calls.js";
import { storeError } from "./failure.js";
import { definedBy, snapshotOf } from "./looks.js";
import { checkedOptions, type SidecarStoreOptions, sidecarUrl } from "./options.js";
import { pathOf, queryOf, semaphoresPath } from "./paths.js";
import { renewBodies, renewResults } from "./renewals.js";
import { within } from "./retry.js";
import type { ListAnswer, ReleaseAnswer, RenewAnswer, SnapshotAnswer } from "./shapes/answers.js";
import type { DefinitionBody, ReleaseBody, RenewBody, ResizeBody } from "./shapes/requests.js";
import { Sidecar } from "./sidecar.js";
import { UnderWay } from "./under-way.js";

/**
 * A sidecar as a store: a semaphore over it is the same semaphore as one over the sidecar's own store.
 *
 * ```ts
 * import { sidecarStore } from "@sluice/client";
 * import { Semaphore } from "@sluice/core";
 *
 * const openai = new Semaphore(sidecarStore("http://127.0.0.1:7077"), "openai", { limit: 10 });
 * ```
 *
 * Over plain HTTP, acquires are taken in the order in which the sidecar receives them, which for simultaneous ones of
 * one process need not be their call order; and a loss is learned from the next renewal, not at once.
 *
 * @throws InvalidArgumentError when `url` is not an http or https URL, or an option is not what is expected
 */
export function sidecarStore(url: string | URL, options: SidecarStoreOptions = {}): Store {
  const { token, maxLeaseMs, answerMs } = checkedOptions(options);
  return new SidecarStore(new Sidecar(sidecarUrl(url), token), maxLeaseMs, answerMs);
}

class SidecarStore implements Store {
  readonly maxLeaseMs: number;
  readonly #sidecar: Sidecar;
  readonly #answerMs: number;
  readonly #underWay = new UnderWay();
  readonly #calls: Calls;
  readonly #acquires: Acquires;

  constructor(sidecar: Sidecar, maxLeaseMs: number, answerMs: number) {
    this.maxLeaseMs = maxLeaseMs;
    this.#sidecar = sidecar;
    this.#answerMs = answerMs;
    this.#acquires = new Acquires(sidecar, answerMs, this.#underWay);
    this.#calls = new Calls(sidecar, answerMs, this.#underWay.closing);
  }

  async acquire(request: AcquireRequest, signal?: AbortSignal): Promise<AcquireResult> {
    this.#refuseIfClosed();
    if (signal?.aborted) return { outcome: "aborted" };
    try {
      return await this.#underWay.add(this.#acquires.run(request, signal));
    } catch (error) {
      this.#refuseIfClosed();
      throw storeError(error, this.#sidecar.url, request.semaphore);
    }
  }

  async release({ semaphore, lease, attempt }: ReleaseRequest): Promise<boolean> {
    this.#refuseIfClosed();
    if (attempt !== undefined) {
      throw new InvalidArgumentError("attempt", "left out: the sidecar names the attempts itself", attempt);
    }
    const body: ReleaseBody = { lease };
    const question: Question = { method: "POST", path: `${pathOf(semaphore)}/release`, body };
    // Tried for as long as the lease may last: then it has lapsed by itself.
    const carriedOut = this.#underWay.add(this.#calls.insist<ReleaseAnswer>(question, this.maxLeaseMs));
    try {
      return (await within(this.#answerMs, carriedOut)).answer.released;
    } catch (error) {
      throw storeError(error, this.#sidecar.url, semaphore);
    }
  }

  async renew(semaphore: string, renewals: readonly Renewal[]): Promise<RenewResult[]> {
    this.#refuseIfClosed();
    const parts = await Promise.all(renewBodies(renewals).map((body) => this.#renew(semaphore, body)));
    const results = new Map(parts.flat().map((result) => [result.lease, result]));
    return renewals.map(({ lease }) => results.get(lease) ?? { lease, renewed: false, reason: "lapsed" });
  }

  async define(semaphore: string, { limit, leaseMs, maxWaiters }: Definition): Promise<DefineResult> {
    this.#refuseIfClosed();
    const body: DefinitionBody = { limit, leaseMs, maxWaiters };
    const question: Question = { method: "PUT", path: pathOf(semaphore), body };
    const { answer, status } = await this.#calls.ask<SnapshotAnswer>(question, semaphore);
    return { created: status === 201, ...definedBy(answer) };
  }

  async resize(semaphore: string, limit: number): Promise<ResizeResult> {
    this.#refuseIfClosed();
    const body: ResizeBody = { limit };
    const question: Question = { method: "PATCH", path: pathOf(semaphore), body };
    const answered = await this.#calls.tryTo<SnapshotAnswer, "SEMAPHORE_UNKNOWN">(question, [
      "SEMAPHORE_UNKNOWN",
    ]);
    if (answered === "SEMAPHORE_UNKNOWN") return { outcome: "unknown" };
    return { outcome: "resized", ...definedBy(answered.answer) };
  }

  async remove(semaphore: string): Promise<"removed" | "in_use" | "unknown"> {
    this.#refuseIfClosed();
    const question: Question = { method: "DELETE", path: pathOf(semaphore) };
    const answered = await this.#calls.tryTo(question, ["SEMAPHORE_IN_USE", "SEMAPHORE_UNKNOWN"]);
    if (answered === "SEMAPHORE_IN_USE") return "in_use";
    return answered === "SEMAPHORE_UNKNOWN" ? "unknown" : "removed";
  }

  async revoke(semaphore: string, lease: string): Promise<boolean> {
    this.#refuseIfClosed();
    const path = `${pathOf(semaphore)}/leases/${encodeURIComponent(lease)}`;
    return (await this.#calls.tryTo({ method: "DELETE", path }, ["LEASE_UNKNOWN"])) !== "LEASE_UNKNOWN";
  }

  async inspect(semaphore: string, page?: Page): Promise<Snapshot | undefined> {
    this.#refuseIfClosed();
    const question: Question = { method: "GET", path: pathOf(semaphore) + queryOf(page) };
    const answered = await this.#calls.tryTo<SnapshotAnswer, "SEMAPHORE_UNKNOWN">(question, [
      "SEMAPHORE_UNKNOWN",
    ]);
    return answered === "SEMAPHORE_UNKNOWN" ? undefined : snapshotOf(answered.answer);
  }

  async list(page?: Page): Promise<SemaphorePage> {
    this.#refuseIfClosed();
    const { answer } = await this.#calls.ask<ListAnswer>({
      method: "GET",
      path: semaphoresPath + queryOf(page),
    });
    const { semaphores, cursor } = answer;
    return { semaphores, ...(cursor !== undefined && { cursor }) };
  }

  async ping(): Promise<void> {
    this.#refuseIfClosed();
    await this.#calls.ask({ method: "GET", path: "/readyz" });
  }

  observe(observer: StoreObserver): () => void {
    return this.#sidecar.observe(observer);
  }

  async close(): Promise<void> {
    this.#underWay.close();
    this.#acquires.stopAll();
    await this.#underWay.finish();
    this.#sidecar.close();
  }

  async #renew(semaphore: string, body: RenewBody): Promise<RenewResult[]> {
    const question: Question = { method: "POST", path: `${pathOf(semaphore)}/renew`, body };
    const { answer, sentAt } = await this.#calls.ask<RenewAnswer>(question, semaphore);
    return renewResults(answer, sentAt);
  }

  #refuseIfClosed(): void {
    if (this.#underWay.closing.aborted) throw new StoreUnavailableError("the store is closed");
  }
}
