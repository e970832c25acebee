import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { StoreUnavailableError } from "../../errors.js";
import { type DirectoryLock, lockDirectory } from "./directory-lock.js";
import type { Permanent } from "./ledger.js";
import type { Intent, State } from "./state.js";
import { type Remembered, readState, writeState } from "./state-file.js";

const fileName = "state.json";
/**
 * So many fences, a minute's worth of the clock they come from, are allowed by one write: writing for every grant, to
 * the disk and not only to its cache, would take as long as thousands of grants.
 */
const fencesAhead = 60_000_000;
/** After a write has failed, the next one is tried so much later: a disk that fails may do so slowly. */
const retryAfterMs = 1_000;

const nothing: Remembered = { clean: true, fence: 0, longestLeaseMs: 0, definitions: new Map() };

type AvailabilityListener = Parameters<State["onAvailability"]>[0];

/** The state of a memory store in a directory of the file system, which no other store uses meanwhile. */
export class StateDirectory implements State {
  /** What the file held when it was opened. */
  readonly found: Remembered;
  failure: StoreUnavailableError | undefined;
  retryAt = 0;
  readonly #path: string;
  readonly #lock: DirectoryLock;
  #written: Remembered;
  #tell: AvailabilityListener = () => {};

  private constructor(path: string, lock: DirectoryLock, found: Remembered) {
    this.found = found;
    this.#path = path;
    this.#lock = lock;
    this.#written = found;
  }

  /**
   * Creates the directory where it does not exist. From now on its last end counts as not clean.
   *
   * @throws StoreUnavailableError when it cannot be used, is in use, or its file is damaged
   * @throws StoreIncompatibleError when a newer library has written it
   * @throws InvalidArgumentError when its path is too long
   */
  static async open(directory: string): Promise<StateDirectory> {
    try {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
    } catch (cause) {
      throw new StoreUnavailableError(`the state directory ${directory} cannot be created`, { cause });
    }
    const lock = await lockDirectory(directory);
    try {
      const path = join(directory, fileName);
      const state = new StateDirectory(path, lock, readState(path) ?? nothing);
      state.#begin();
      return state;
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  get definitions(): ReadonlyMap<string, Permanent> {
    return this.#written.definitions;
  }

  onAvailability(listener: AvailabilityListener): void {
    this.#tell = listener;
  }

  coverFence(fence: number): boolean {
    if (fence <= this.#written.fence) return true;
    try {
      this.#write({ fence: Math.min(fence + fencesAhead, Number.MAX_SAFE_INTEGER) });
      return true;
    } catch {
      return false;
    }
  }

  coverLease(leaseMs: number): void {
    if (leaseMs > this.#written.longestLeaseMs) this.#write({ longestLeaseMs: leaseMs });
  }

  keep(intents: readonly Intent[]): void {
    if (intents.every((intent) => this.remembers(intent))) return;
    const definitions = new Map(this.definitions);
    let { longestLeaseMs } = this.#written;
    for (const { semaphore, permanent, longestLeaseMs: lasting } of intents) {
      if (permanent === undefined) definitions.delete(semaphore);
      else definitions.set(semaphore, permanent);
      longestLeaseMs = Math.max(longestLeaseMs, lasting);
    }
    this.#write({ definitions, longestLeaseMs });
  }

  remembers({ semaphore, permanent, longestLeaseMs }: Intent): boolean {
    const known = this.definitions.get(semaphore);
    return known?.version === permanent?.version && longestLeaseMs <= this.#written.longestLeaseMs;
  }

  check(): void {
    if (this.failure !== undefined) this.#write({});
  }

  async close(clean: boolean): Promise<void> {
    try {
      if (clean) this.#write({ clean });
    } catch {
      // The next start will take this end for an unclean one, and pause for nothing.
    }
    await this.#lock.release();
  }

  /** After a clean end no lease is left that could be longer than those to come. */
  #begin(): void {
    const { clean, longestLeaseMs } = this.found;
    this.#write({ clean: false, longestLeaseMs: clean ? 0 : longestLeaseMs });
  }

  /** Synchronous, so that nothing can be granted between a write and what it allows. */
  #write(change: Partial<Remembered>): void {
    if (this.failure !== undefined && performance.now() < this.retryAt) throw this.failure;
    const next = { ...this.#written, ...change };
    try {
      writeState(this.#path, next);
    } catch (cause) {
      throw this.#failed(cause);
    }
    this.#written = next;
    if (this.failure === undefined) return;
    this.failure = undefined;
    this.#tell({ up: true });
  }

  #failed(cause: unknown): StoreUnavailableError {
    const isNews = this.failure === undefined;
    this.failure = new StoreUnavailableError(`the state file ${this.#path} cannot be written`, { cause });
    this.retryAt = performance.now() + retryAfterMs;
    if (isNews) this.#tell({ up: false, cause });
    return this.failure;
  }
}
