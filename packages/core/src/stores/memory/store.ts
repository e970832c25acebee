import { InvalidArgumentError, StoreUnavailableError } from "../../errors.js";
import type {
  AcquireRequest,
  AcquireResult,
  Claim,
  DefineResult,
  Definition,
  Page,
  ReleaseRequest,
  Renewal,
  RenewResult,
  ResizeResult,
  SemaphorePage,
  SemaphoreStatus,
  Snapshot,
  Store,
  StoreObserver,
} from "../../store.js";
import { Alarm } from "../alarm.js";
import type { Answer, DefiningOperation, Operation } from "../operation.js";
import { decodeCursor, defaultPageSize, encodeCursor } from "../paging.js";
import { Changes } from "./changes.js";
import { FenceClock } from "./fences.js";
import type { LedgerStart, Permanent } from "./ledger.js";
import { LiveSemaphore, ledgerNow } from "./live.js";
import { Observers } from "./observers.js";
import type { State } from "./state.js";
import { renewResult } from "./translation.js";

/** How often semaphores that have vanished are cleaned away. */
const CLEANING_MS = 60_000;

export interface MemoryStoreOptions {
  /** The longest lease that the store accepts; 15,000 when left out. */
  readonly maxLeaseMs?: number;
}

/**
 * A store that lives in this process: the semaphores are shared by all who use this one object, and by nobody else.
 * For tests, for programs of one process, and for a sidecar that serves one host. `openMemoryStore` makes one whose
 * limits outlive the process.
 *
 * @throws InvalidArgumentError when `maxLeaseMs` is not a whole number of at least 1
 */
export function memoryStore({ maxLeaseMs = 15_000 }: MemoryStoreOptions = {}): Store {
  refuseBadMaxLeaseMs(maxLeaseMs);
  return new MemoryStore({ maxLeaseMs, start: { fences: new FenceClock(wallClockEpoch()) } });
}

/** @throws InvalidArgumentError when it is not a whole number of at least 1 */
export function refuseBadMaxLeaseMs(maxLeaseMs: number): void {
  if (Number.isSafeInteger(maxLeaseMs) && maxLeaseMs >= 1) return;
  throw new InvalidArgumentError("maxLeaseMs", "a whole number of milliseconds, at least 1", maxLeaseMs);
}

/** What the wall clock showed when this process's monotonic clock was 0, in whole milliseconds. */
export function wallClockEpoch(): number {
  return Math.floor(Date.now() - performance.now());
}

export interface MemoryStoreSetup {
  readonly maxLeaseMs: number;
  readonly start: LedgerStart;
  /** Left out: nothing outlives the process. */
  readonly state?: State;
}

export class MemoryStore implements Store {
  readonly maxLeaseMs: number;
  readonly #start: LedgerStart;
  readonly #state: State | undefined;
  readonly #semaphores = new Map<string, LiveSemaphore>();
  readonly #observers: Observers;
  /** Undefined where nothing outlives the process. */
  readonly #changes: Changes | undefined;
  /** The highest fence of the semaphores that are gone: one that comes again, under any name, goes on above it. */
  #fenceSeen = 0;
  readonly #cleaning = new Alarm(() => this.#clean(), { keepsAlive: false });
  #closing: Promise<void> | undefined;

  constructor({ maxLeaseMs, start, state }: MemoryStoreSetup) {
    this.maxLeaseMs = maxLeaseMs;
    this.#start = start;
    this.#state = state;
    this.#changes = state && new Changes(state);
    this.#observers = new Observers(start.recoverUntil ?? 0);
    state?.onAvailability((event) => this.#observers.tellAvailability(event));
    for (const [name, permanent] of state?.definitions ?? []) {
      this.#keep(name, this.#newSemaphore(name, permanent));
    }
  }

  acquire(request: AcquireRequest, signal?: AbortSignal): Promise<AcquireResult> {
    try {
      this.#refuseIfClosed();
      if (signal?.aborted) return Promise.resolve({ outcome: "aborted" });
      return this.#with(request.semaphore, (live) => live.acquire(request, signal));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async release(request: ReleaseRequest): Promise<boolean> {
    return this.#with(request.semaphore, (live) => live.release(request));
  }

  async renew(semaphore: string, renewals: readonly Renewal[]): Promise<RenewResult[]> {
    const operations = renewals.map(({ lease, leaseMs }): Operation => ({ op: "renew", lease, leaseMs }));
    const answers = this.#with(semaphore, (live) => live.apply(operations));
    return renewals.map(({ lease }, index) => renewResult(lease, answers[index]));
  }

  async claim(semaphore: string, claims: readonly Claim[]): Promise<RenewResult[]> {
    const answers = this.#with(semaphore, (live) => live.claim(claims));
    return claims.map(({ lease }, index) => renewResult(lease, answers[index]));
  }

  async define(semaphore: string, definition: Definition): Promise<DefineResult> {
    return this.#change(semaphore, { op: "define", definition }, (answer, { ledger }) => {
      const created = answer?.answer === "defined" && answer.created;
      return { created, definition: ledger.definition ?? definition, version: ledger.version };
    });
  }

  async resize(semaphore: string, limit: number): Promise<ResizeResult> {
    return this.#change(semaphore, { op: "resize", limit }, (_answer, { ledger: { definition, version } }) =>
      definition === undefined ? { outcome: "unknown" } : { outcome: "resized", definition, version },
    );
  }

  async remove(semaphore: string): Promise<"removed" | "in_use" | "unknown"> {
    return this.#change(semaphore, { op: "remove" }, (answer) =>
      answer?.answer === "removed" || answer?.answer === "in_use" ? answer.answer : "unknown",
    );
  }

  async revoke(semaphore: string, lease: string): Promise<boolean> {
    return this.#with(semaphore, (live) => {
      const [answer] = live.apply([{ op: "revoke", lease }]);
      return answer?.answer === "revoked" && answer.found;
    });
  }

  async inspect(semaphore: string, page?: Page): Promise<Snapshot | undefined> {
    return this.#look(semaphore, (live, now) => live.ledger.snapshot(now, page));
  }

  async list({ pageSize = defaultPageSize, cursor }: Page = {}): Promise<SemaphorePage> {
    this.#refuseIfClosed();
    this.#changes?.settleAll();
    const [after] = cursor === undefined ? [""] : decodeCursor(cursor, [""] as const);
    const names = [...this.#semaphores.keys()].filter((name) => name > after).sort();
    const semaphores: SemaphoreStatus[] = [];
    for (const name of names) {
      const status = this.#look(name, (live, now) => live.ledger.status(now));
      if (status === undefined) continue;
      if (semaphores.length === pageSize) {
        return { semaphores, cursor: encodeCursor([semaphores.at(-1)?.semaphore ?? ""]) };
      }
      semaphores.push(status);
    }
    return { semaphores };
  }

  async ping(): Promise<void> {
    this.#refuseIfClosed();
    this.#state?.check();
  }

  observe(observer: StoreObserver): () => void {
    return this.#observers.add(observer);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#changes?.settleAll();
    const isClean = this.#isClean(ledgerNow());
    this.#cleaning.clear();
    this.#observers.end();
    for (const live of this.#semaphores.values()) live.end(closedError());
    this.#semaphores.clear();
    await this.#state?.close(isClean);
  }

  /** Nobody believes in a lease: none is held, and none is left that a claim might have told of. */
  #isClean(now: number): boolean {
    const recovering = now < (this.#start.recoverUntil ?? 0);
    return !recovering && [...this.#semaphores.values()].every(({ ledger }) => !ledger.holds(now));
  }

  /** Where nothing is to be remembered the change is made at once. */
  #change<Result>(
    semaphore: string,
    operation: DefiningOperation,
    resultOf: (answer: Answer | undefined, live: LiveSemaphore) => Result,
  ): Result | Promise<Result> {
    this.#refuseIfClosed();
    const make = (now: number) =>
      this.#with(semaphore, (live) => resultOf(live.change(operation, now), live));
    const changes = this.#changes;
    if (changes === undefined) return make(ledgerNow());
    return new Promise((resolve, refuse) => {
      changes.add({
        semaphore,
        intend: (now) => this.#with(semaphore, (live) => live.intend(operation, now)),
        make: (now) => resolve(make(now)),
        refuse,
      });
    });
  }

  /** Works on a semaphore, which is kept afterwards only if it exists then. */
  #with<Result>(semaphore: string, work: (live: LiveSemaphore) => Result): Result {
    this.#refuseIfClosed();
    this.#changes?.settle(semaphore);
    const known = this.#semaphores.get(semaphore);
    const live = known ?? this.#newSemaphore(semaphore);
    const result = work(live);
    if (live.ledger.definition === undefined) this.#forget(semaphore);
    else if (known === undefined) this.#keep(semaphore, live);
    return result;
  }

  /** What is due lapses first; looking changes nothing else, and does not count as use. */
  #look<Result>(semaphore: string, at: (live: LiveSemaphore, now: number) => Result): Result | undefined {
    this.#refuseIfClosed();
    this.#changes?.settle(semaphore);
    const live = this.#semaphores.get(semaphore);
    if (live === undefined) return undefined;
    live.apply([]);
    return at(live, ledgerNow());
  }

  #newSemaphore(semaphore: string, permanent?: Permanent): LiveSemaphore {
    const start = { ...this.#start, permanent, fenceSeen: this.#fenceSeen };
    return new LiveSemaphore(semaphore, start, this.#state);
  }

  #keep(semaphore: string, live: LiveSemaphore): void {
    this.#semaphores.set(semaphore, live);
    if (this.#cleaning.at === Number.POSITIVE_INFINITY) this.#cleaning.set(performance.now() + CLEANING_MS);
  }

  #forget(semaphore: string): void {
    const live = this.#semaphores.get(semaphore);
    if (live === undefined) return;
    this.#fenceSeen = Math.max(this.#fenceSeen, live.ledger.fence);
    live.end(closedError());
    this.#semaphores.delete(semaphore);
  }

  #clean(): void {
    for (const [semaphore, live] of this.#semaphores) {
      if (live.ledger.expired(ledgerNow())) this.#forget(semaphore);
    }
    if (this.#semaphores.size > 0) this.#cleaning.set(performance.now() + CLEANING_MS);
  }

  #refuseIfClosed(): void {
    if (this.#closing !== undefined) throw closedError();
  }
}

function closedError(): StoreUnavailableError {
  return new StoreUnavailableError("the store is closed");
}
