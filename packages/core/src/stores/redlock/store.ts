import { StoreUnavailableError } from "../../errors.js";
import { newProcessId } from "../../ids.js";
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
  Snapshot,
  Store,
  StoreObserver,
} from "../../store.js";
import { decodeCursor, defaultPageSize, encodeCursor } from "../paging.js";
import { Definitions } from "./definitions.js";
import { Lane } from "./lane.js";
import type { Quorum } from "./quorum.js";
import { snapshotOf, statusIn } from "./snapshot.js";
import { Tenure } from "./tenure.js";
import { lookAt } from "./view.js";

const tidyEveryMs = 60_000;
/** How long closing waits for releases that are under way. */
const closingMs = 1_000;

interface Place {
  readonly lane: Lane;
  readonly tenure: Tenure;
}

/** A lane for each semaphore, over one quorum. */
export class RedlockStore implements Store {
  readonly maxLeaseMs: number;
  readonly #quorum: Quorum;
  readonly #definitions: Definitions;
  readonly #process = newProcessId().slice(0, 12);
  readonly #places = new Map<string, Place>();
  /** Places that were idle when they were last looked at. */
  #idle: ReadonlySet<Place> = new Set();
  readonly #releasing = new Set<Promise<unknown>>();
  readonly #tidying: NodeJS.Timeout;
  #closing: Promise<void> | undefined;

  constructor(quorum: Quorum, maxLeaseMs: number) {
    this.maxLeaseMs = maxLeaseMs;
    this.#quorum = quorum;
    this.#definitions = new Definitions(quorum);
    this.#tidying = setInterval(() => this.#tidy(), tidyEveryMs);
    this.#tidying.unref();
  }

  async acquire(request: AcquireRequest, signal?: AbortSignal): Promise<AcquireResult> {
    this.#requireOpen();
    if (signal?.aborted) return { outcome: "aborted" };
    return this.#place(request.semaphore).lane.acquire(request, signal);
  }

  async release({ semaphore, lease, attempt }: ReleaseRequest): Promise<boolean> {
    await this.#ready();
    const release = this.#place(semaphore).tenure.release(lease, attempt);
    const done = release.catch(() => {}).finally(() => this.#releasing.delete(done));
    this.#releasing.add(done);
    return release;
  }

  async renew(semaphore: string, renewals: readonly Renewal[]): Promise<RenewResult[]> {
    await this.#ready();
    return this.#place(semaphore).tenure.renew(renewals);
  }

  async claim(semaphore: string, claims: readonly Claim[]): Promise<RenewResult[]> {
    await this.#ready();
    return this.#place(semaphore).tenure.claim(claims);
  }

  async define(semaphore: string, definition: Definition): Promise<DefineResult> {
    await this.#ready();
    const result = await this.#definitions.define(semaphore, definition);
    this.#places.get(semaphore)?.lane.wake();
    return result;
  }

  async resize(semaphore: string, limit: number): Promise<ResizeResult> {
    await this.#ready();
    const result = await this.#definitions.resize(semaphore, limit);
    this.#places.get(semaphore)?.lane.wake();
    return result;
  }

  async remove(semaphore: string): Promise<"removed" | "in_use" | "unknown"> {
    await this.#ready();
    const outcome = await this.#definitions.remove(semaphore);
    this.#places.get(semaphore)?.lane.wake();
    return outcome;
  }

  async revoke(semaphore: string, lease: string): Promise<boolean> {
    await this.#ready();
    const { scripts, keys, majority, masters } = this.#quorum;
    const replies = await this.#quorum.ask(scripts.revoke, keys.of(semaphore).common, [lease]);
    this.#places.get(semaphore)?.lane.wake();
    const found = replies.filter(({ value }) => value === 1).length;
    return found > 0 && found + masters.length - replies.length >= majority;
  }

  async inspect(semaphore: string, page?: Page): Promise<Snapshot | undefined> {
    await this.#ready();
    await this.#places.get(semaphore)?.lane.caughtUp();
    return snapshotOf(this.#quorum, semaphore, page);
  }

  async list({ pageSize = defaultPageSize, cursor }: Page = {}): Promise<SemaphorePage> {
    const [after] = cursor === undefined ? [""] : decodeCursor(cursor, [""] as const);
    await this.#ready();
    const names = await this.#names(after, pageSize + 1);
    const page = names.slice(0, pageSize);
    const statuses = await Promise.all(
      page.map(async (name) =>
        statusIn(this.#quorum, name, await lookAt(this.#quorum, name, { records: true })),
      ),
    );
    const semaphores = statuses.filter((status) => status !== undefined);
    return names.length > pageSize
      ? { semaphores, cursor: encodeCursor([page.at(-1) ?? ""]) }
      : { semaphores };
  }

  async ping(): Promise<void> {
    await this.#ready();
    await this.#names("", 1);
  }

  observe(observer: StoreObserver): () => void {
    return this.#quorum.observe(observer);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    clearInterval(this.#tidying);
    const farewells = [...this.#places.values()].map(({ lane }) => lane.close());
    const patience = new Promise((resolve) => setTimeout(resolve, closingMs).unref());
    await Promise.race([Promise.all([...farewells, ...this.#releasing]), patience]);
    this.#quorum.close();
  }

  /** Names that any master knows, in the order of their bytes. */
  async #names(after: string, most: number): Promise<string[]> {
    const { scripts, keys } = this.#quorum;
    const replies = await this.#quorum.ask(
      scripts.names,
      [keys.marker, keys.names, keys.base],
      [after, String(most)],
    );
    const names = new Set(replies.flatMap(({ value }) => value as string[]));
    return [...names].sort().slice(0, most);
  }

  #place(semaphore: string): Place {
    const known = this.#places.get(semaphore);
    if (known !== undefined) return known;
    const { maxLeaseMs } = this;
    const quorum = this.#quorum;
    const lane = new Lane({
      semaphore,
      quorum,
      definitions: this.#definitions,
      process: this.#process,
      maxLeaseMs,
    });
    const place = { lane, tenure: new Tenure(quorum, semaphore, lane, maxLeaseMs) };
    this.#places.set(semaphore, place);
    return place;
  }

  /** A place that is idle twice in a row: in between, no call on it can be under way. */
  #tidy(): void {
    const idle = new Set<Place>();
    for (const [semaphore, place] of this.#places) {
      place.lane.held.dropLapsed();
      if (!place.lane.idle) continue;
      if (this.#idle.has(place)) this.#places.delete(semaphore);
      else idle.add(place);
    }
    this.#idle = idle;
  }

  async #ready(): Promise<void> {
    this.#requireOpen();
    await this.#quorum.reachable();
  }

  #requireOpen(): void {
    if (this.#closing !== undefined) throw new StoreUnavailableError("the store is closed");
  }
}
