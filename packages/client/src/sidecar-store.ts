import {
  type AcquireRequest,
  type AcquireResult,
  type Claim,
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
import { Calls, type Question } from "./calls.js";
import { storeError } from "./failure.js";
import { definedBy, snapshotOf } from "./looks.js";
import { type CheckedOptions, checkedOptions, type SidecarStoreOptions, sidecarUrl } from "./options.js";
import { pathOf, queryOf, semaphoresPath, sessionUrl } from "./paths.js";
import { PlainWay } from "./plain-way.js";
import { within } from "./retry.js";
import { claimOfCaller } from "./session/claims.js";
import { Link } from "./session/link.js";
import type { ListAnswer, SnapshotAnswer } from "./shapes/answers.js";
import type { DefinitionBody, ResizeBody } from "./shapes/requests.js";
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
 * Acquires and leases go over one WebSocket, in which the sidecar renews the leases: a busy event loop loses none. It
 * is opened at the first use, and again after it was cut. When it ends without being restored in time, `lease.signal`
 * aborts; when this process dies, its permits come back soon.
 *
 * Where a proxy lets no WebSocket through, and with `session: false`, all goes over plain HTTP: acquires are taken in
 * the order in which the sidecar receives them, which for simultaneous ones of one process need not be their call
 * order; leases are renewed from here; and a loss is learned from the next renewal, not at once.
 *
 * @throws InvalidArgumentError when `url` is not an http or https URL, or an option is not what is expected
 */
export function sidecarStore(url: string | URL, options: SidecarStoreOptions = {}): Store {
  return new SidecarStore(sidecarUrl(url), checkedOptions(options));
}

class SidecarStore implements Store {
  readonly maxLeaseMs: number;
  readonly #sidecar: Sidecar;
  readonly #answerMs: number;
  readonly #underWay = new UnderWay();
  readonly #calls: Calls;
  readonly #plain: PlainWay;
  /** Undefined: plain HTTP alone. */
  readonly #link: Link | undefined;

  constructor(url: URL, { token, maxLeaseMs, answerMs, session }: CheckedOptions) {
    const sidecar = new Sidecar(url, token);
    const underWay = this.#underWay;
    const calls = new Calls(sidecar, answerMs, underWay.closing);
    const plain = new PlainWay({ sidecar, calls, answerMs, maxLeaseMs, underWay });
    this.maxLeaseMs = maxLeaseMs;
    this.#sidecar = sidecar;
    this.#answerMs = answerMs;
    this.#calls = calls;
    this.#plain = plain;
    if (session) this.#link = new Link({ url: sessionUrl(url), token, answerMs, sidecar, plain, underWay });
  }

  async acquire(request: AcquireRequest, signal?: AbortSignal): Promise<AcquireResult> {
    this.#refuseIfClosed();
    if (signal?.aborted) return { outcome: "aborted" };
    const way = this.#link ?? this.#plain;
    try {
      return await this.#underWay.add(way.acquire(request, signal));
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
    const way = this.#link ?? this.#plain;
    const carriedOut = this.#underWay.add(way.release(semaphore, lease));
    try {
      return await within(this.#answerMs, carriedOut);
    } catch (error) {
      throw storeError(error, this.#sidecar.url, semaphore);
    }
  }

  async renew(semaphore: string, renewals: readonly Renewal[]): Promise<RenewResult[]> {
    this.#refuseIfClosed();
    const kept = this.#link?.renew(semaphore, renewals) ?? new Map<string, Promise<RenewResult>>();
    const others = renewals.filter(({ lease }) => !kept.has(lease));
    const results = await this.#plain.renew(semaphore, others);
    return Promise.all(renewals.map(({ lease }) => kept.get(lease) ?? results.get(lease) ?? lapsed(lease)));
  }

  async claim(semaphore: string, claims: readonly Claim[]): Promise<RenewResult[]> {
    this.#refuseIfClosed();
    const claimed = await this.#link?.claim(semaphore, claims);
    if (claimed !== undefined) return claimed;
    const results = await this.#plain.claim(
      semaphore,
      claims.map((claim) => claimOfCaller(semaphore, claim)),
    );
    return claims.map(({ lease }) => results.get(lease) ?? lapsed(lease));
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
    const answered = await this.#calls.tryTo({ method: "DELETE", path }, ["LEASE_UNKNOWN"]);
    if (answered === "LEASE_UNKNOWN") return false;
    this.#link?.revoked(semaphore, lease);
    return true;
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
    this.#plain.stopAll();
    this.#link?.stopAll();
    await this.#underWay.finish();
    await this.#link?.close();
    this.#sidecar.close();
  }

  #refuseIfClosed(): void {
    if (this.#underWay.closing.aborted) throw new StoreUnavailableError("the store is closed");
  }
}

function lapsed(lease: string): RenewResult {
  return { lease, renewed: false, reason: "lapsed" };
}
