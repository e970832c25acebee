import type { SluiceError } from "../../errors.js";
import type { StoreObserver } from "../../store.js";

/** The way of one semaphore's calls to the server that keeps it. */
export interface Link {
  /** The name under which this process calls. */
  readonly process: string;
  /** Calls can be made, and what is pushed is heard. */
  readonly up: boolean;
  /** The server cannot be reached, and not because that was never tried. */
  readonly away: boolean;
  readonly cause: unknown;
  /** Why no call will ever be served. */
  readonly refusal: SluiceError | undefined;
  /** The life of the server that the scripts are bound to; "" before there is one. */
  readonly incarnation: string;
  /** The caller said that the server's first life, which this is, began without leases; and no call was answered yet. */
  readonly assumesFresh: boolean;
  /** For how long this process has known the present life of the server. */
  readonly knownForMs: number;

  /**
   * Runs apply.lua.
   *
   * @param key the semaphore's facts
   * @throws whatever the client says; `faultOf` judges it
   */
  apply(key: string, batch: string): Promise<unknown>;

  /** A call that carried `operations` operations was answered. */
  observed(durationMs: number, operations: number): void;

  /** A call had no answer for long: only a new connection can tell. A client of the caller's is left to the caller. */
  reset(): void;
}

/** All that a store knows of its servers: one of them, or a Cluster. */
export interface Network {
  /** The name under which this process calls. */
  readonly process: string;
  readonly cause: unknown;

  /** The way to a semaphore, which stays until `unlink`. */
  link(semaphore: string): Link;
  unlink(semaphore: string): void;

  /**
   * Resolves when there is somebody to ask; waits only for connections that are being made.
   *
   * @throws StoreUnavailableError, StoreIncompatibleError
   */
  reachable(): Promise<void>;

  /**
   * Runs inspect.lua.
   *
   * @param key the semaphore's facts
   * @throws StoreUnavailableError, StoreIncompatibleError
   */
  inspect(key: string, request: string): Promise<string | null>;

  /** @throws StoreUnavailableError */
  call(command: string, key: string, ...args: (string | number)[]): Promise<unknown>;

  /** @throws StoreUnavailableError */
  ping(): Promise<void>;

  observe(observer: StoreObserver): () => void;
  close(): void;
}

/** What hears of the servers. Where a semaphore is named, it alone is concerned, else all of the network's are. */
export interface NetworkListener {
  /** Calls can be made again; pushes may have been lost before. */
  connected(semaphore?: string): void;
  disconnected(cause: unknown, semaphore?: string): void;
  /** A server has begun another life, or another one has taken its place; `connected` follows. */
  begunAnotherLife(): void;
  /** The server will not serve us: too old. */
  refused(error: SluiceError): void;
  pushed(text: string): void;
}
