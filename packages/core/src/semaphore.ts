import { setMaxListeners } from "node:events";
import {
  acquireChecks,
  requireFunction,
  requireInteger,
  requireName,
  requireOptions,
  requirePage,
  requireSemaphoreOptions,
  requireStore,
} from "./arguments.js";
import { bounds } from "./bounds.js";
import { definitionOf, emptySnapshot } from "./definition.js";
import { SemaphoreUnknownError } from "./errors.js";
import { defaultHolder, newLeaseId } from "./ids.js";
import { Keeper } from "./lease/keeper.js";
import { HeldLease, type Lease } from "./lease/lease.js";
import { LimitConflicts } from "./limit-conflicts.js";
import { type Manner, noOptions, trying, waiting } from "./manner.js";
import type { AcquireOptions, SemaphoreOptions, TryAcquireOptions } from "./options.js";
import type {
  AcquireRequest,
  AcquireResult,
  Definition,
  LossReason,
  Page,
  Snapshot,
  Store,
} from "./store.js";

/**
 * A named limit, shared by every process that uses the same store: at no moment are more than `limit` permits held by
 * all of them together, first come first served. Make one per name and keep it; an idle one keeps no process alive.
 *
 * ```ts
 * import { Semaphore } from "@sluice/core";
 * import { redisStore } from "@sluice/core/redis";
 *
 * const openai = new Semaphore(redisStore("redis://localhost:6379"), "openai", { limit: 10 });
 * const answer = await openai.use(({ signal }) => fetch("https://api.openai.com/v1/models", { signal }));
 * ```
 *
 * Not reentrant: work that asks for a second lease while it holds one can wait for itself.
 */
export class Semaphore {
  readonly name: string;
  readonly #store: Store;
  readonly #keeper: Keeper<HeldLease>;
  readonly #conflicts: LimitConflicts;
  readonly #holder: string;
  /** Undefined: as the stored definition says. */
  readonly #leaseMs: number | undefined;
  /** What to create where there is nothing yet. */
  #definition: Definition | undefined;
  #mustRedefine: boolean;
  #redefining: Promise<unknown> | undefined;

  /** @throws InvalidArgumentError */
  constructor(store: Store, name: string, options: SemaphoreOptions = noOptions) {
    requireStore(store);
    requireName(name);
    requireSemaphoreOptions(options, store.maxLeaseMs);
    const { holder = defaultHolder(), redefine = false } = options;
    this.name = name;
    this.#store = store;
    this.#keeper = new Keeper(store, name);
    this.#conflicts = new LimitConflicts(name);
    this.#holder = holder;
    this.#leaseMs = options.leaseMs;
    this.#definition = definitionOf(options, store.maxLeaseMs);
    this.#mustRedefine = redefine;
  }

  /**
   * A lease, as soon as its permits are free and everybody who asked before was served. Release it in a `finally`,
   * or let `use` do so.
   *
   * ```ts
   * const lease = await openai.acquire({ permits: 2, waitMs: 5_000 });
   * try {
   *   await callApi({ signal: lease.signal });
   * } finally {
   *   await lease.release();
   * }
   * ```
   *
   * @throws AcquireTimeoutError when the wait was over (`waitMs`; without end when left out)
   * @throws AcquireAbortedError when `signal` aborted; its reason is the `cause`
   * @throws QueueFullError, PermitsExceedLimitError, SemaphoreUnknownError, RecoveringError, InvalidArgumentError
   * @throws StoreUnavailableError when the store was away at the end of `waitMs`
   */
  acquire(options: AcquireOptions = noOptions): Promise<Lease> {
    return this.#ask(options, waiting);
  }

  /**
   * A lease, or undefined where its permits are not free at once or others wait for them. Fails as acquire does, but
   * never with a timeout.
   *
   * ```ts
   * const lease = await openai.tryAcquire();
   * if (lease === undefined) return "busy, try again later";
   * ```
   */
  tryAcquire(options: TryAcquireOptions = noOptions): Promise<Lease | undefined> {
    return this.#ask(options, trying);
  }

  /**
   * What `work` returns, run while a lease is held, which is released afterwards. The result is returned even if the
   * lease was lost meanwhile: a paid answer is not thrown away. Work that must not outlive its lease heeds `signal`.
   *
   * ```ts
   * const answer = await openai.use(({ signal }) => callApi({ signal }), { waitMs: 5_000 });
   * ```
   *
   * Fails as acquire does, or as `work` does; a failed release is left to the end of the lease's time.
   */
  async use<Result>(
    work: (lease: Lease) => Result,
    options: AcquireOptions = noOptions,
  ): Promise<Awaited<Result>> {
    requireFunction("work", work);
    const lease = await this.acquire(options);
    try {
      return await work(lease);
    } finally {
      await lease[Symbol.asyncDispose]();
    }
  }

  /**
   * A function like `work`, with the same arguments and `this`, each call of which runs as by `use`.
   *
   * ```ts
   * const limited = openai.wrap(callApi, { waitMs: 5_000 });
   * const answers = await Promise.all(questions.map((question) => limited(question)));
   * ```
   *
   * @throws InvalidArgumentError at once; a call of the result fails as `use` does
   */
  wrap<This, Arguments extends unknown[], Result>(
    work: (this: This, ...args: Arguments) => Result,
    options: AcquireOptions = noOptions,
  ): (this: This, ...args: Arguments) => Promise<Awaited<Result>> {
    requireFunction("work", work);
    requireOptions(options, acquireChecks, this.#store.maxLeaseMs);
    const use = (call: () => Result) => this.use(call, options);
    return function limited(...args) {
      return use(() => work.apply(this, args));
    };
  }

  /**
   * Changes the limit for everybody, and makes the semaphore permanent. A higher one lets waiters in at once; a lower
   * one revokes no lease, and fails waiters that ask for more than it.
   *
   * ```ts
   * await openai.resize(20);
   * ```
   *
   * @throws SemaphoreUnknownError where there is none and this one was given no limit to create it with
   * @throws InvalidArgumentError, StoreUnavailableError
   */
  async resize(limit: number): Promise<void> {
    requireInteger("limit", limit, bounds.limit);
    // Before the call: waiters that it lets in are answered before it is, and are not in conflict with it.
    if (this.#definition !== undefined) this.#definition = { ...this.#definition, limit };
    const { outcome } = await this.#store.resize(this.name, limit);
    if (outcome !== "unknown") return;
    if (this.#definition === undefined) throw new SemaphoreUnknownError(this.name);
    await this.#store.define(this.name, { ...this.#definition, limit });
  }

  /**
   * What the semaphore looks like now: its limit, who holds it and who waits. One that does not exist yet looks as the
   * first acquire would create it.
   *
   * ```ts
   * const { limit, inUse, waiting } = await openai.inspect();
   * ```
   *
   * @param page which leases and waiters: 100 of them (`pageSize`, at most 1,000) after those before `cursor`
   * @throws SemaphoreUnknownError where there is none and this one was given no limit to create it with
   * @throws InvalidArgumentError, StoreUnavailableError
   */
  async inspect(page: Page = noOptions): Promise<Snapshot> {
    requirePage(page);
    const snapshot = await this.#store.inspect(this.name, page);
    if (snapshot !== undefined) return snapshot;
    if (this.#definition === undefined) throw new SemaphoreUnknownError(this.name);
    return emptySnapshot(this.name, this.#definition);
  }

  #ask<Options extends AcquireOptions, Refused>(
    options: Options,
    manner: Manner<Options, Refused>,
  ): Promise<Lease | Refused> {
    try {
      if (options !== noOptions) requireOptions(options, manner.checks, this.#store.maxLeaseMs);
    } catch (error) {
      return Promise.reject(error);
    }
    const definition = this.#mustRedefine ? this.#definition : undefined;
    if (definition === undefined) return this.#send(options, manner);
    return this.#redefine(definition).then(() => this.#send(options, manner));
  }

  /**
   * The way of every acquire. One promise beside the store's own, and nothing made before somebody asks for it: what
   * the client allocates costs more than what the server computes.
   */
  #send<Options extends AcquireOptions, Refused>(
    {
      permits = 1,
      waitMs,
      priority = 0,
      leaseMs = this.#leaseMs,
      holder = this.#holder,
      signal,
    }: AcquireOptions,
    manner: Manner<Options, Refused>,
  ): Promise<Lease | Refused> {
    let lease: HeldLease | undefined;
    // A store may speak of a lease before the grant has come here.
    let lostEarly: LossReason | undefined;
    let confirmedEarly: number | undefined;
    const request: AcquireRequest = {
      semaphore: this.name,
      lease: newLeaseId(),
      // The name is new with every acquire, so nobody else attempts the same lease.
      attempt: "",
      fingerprint: "",
      permits,
      priority,
      waitMs: waitMs ?? manner.waitMs,
      leaseMs,
      holder,
      create: this.#definition,
      onLost: (reason) => {
        if (lease === undefined) lostEarly = reason;
        else lease.lose(reason);
      },
      onRenewed: (validUntil) => {
        if (lease === undefined) confirmedEarly = validUntil;
        else lease.confirm(validUntil);
      },
    };
    // One signal may well end hundreds of waits; Node takes more than ten listeners for a leak, and warns.
    if (signal instanceof AbortSignal) setMaxListeners(0, signal);
    return this.#store.acquire(request, signal).then((result) => {
      this.#compareLimits(request, result);
      if (result.outcome !== "granted") return manner.refused(result, request, signal);
      lease = new HeldLease(this.#keeper, result);
      if (confirmedEarly !== undefined) lease.confirm(confirmedEarly);
      if (lostEarly !== undefined) lease.lose(lostEarly);
      return lease;
    });
  }

  #compareLimits({ create }: AcquireRequest, result: AcquireResult): void {
    if (create === undefined || !("limit" in result) || create.limit === result.limit) return;
    // This process itself may have resized the semaphore while the acquire was under way.
    if (result.limit !== this.#definition?.limit) this.#conflicts.warn(create.limit, result.limit);
  }

  /** Acquires that find it under way wait for the same promise, and so keep their order. */
  #redefine(definition: Definition): Promise<unknown> {
    if (this.#redefining !== undefined) return this.#redefining;
    this.#redefining = this.#store.define(this.name, definition);
    this.#redefining.then(
      () => {
        this.#mustRedefine = false;
      },
      () => {
        this.#redefining = undefined;
      },
    );
    return this.#redefining;
  }
}
