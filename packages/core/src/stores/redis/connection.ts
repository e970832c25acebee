import { type SluiceError, StoreIncompatibleError, StoreUnavailableError } from "../../errors.js";
import type { StoreObserver } from "../../store.js";
import { type Binding, bind, type Scripts } from "./binding.js";
import { errorOf, patienceMs, unavailable, withoutCommand } from "./call.js";
import { ownClientOptions, type RedisClient } from "./client.js";
import { faultOf } from "./faults.js";
import { inboxOf } from "./wire.js";

const bindRetryMs = 100;
/** How long it may take to subscribe and to bind, and for a client of ours to become ready after it has connected. */
const establishMs = 5_000;
/** Memory that has run out is asked for again after this time. */
const outOfMemoryMs = 1_000;
const pingTimeoutMs = 2_000;

/** What hears of the connection. */
export interface ConnectionListener {
  connected(): void;
  disconnected(cause: unknown): void;
  /** The server will not serve us: too old. */
  refused(error: Error): void;
  pushed(text: string): void;
}

/**
 * The connection to one server: up when the client is ready, the inbox is subscribed, and the scripts are bound, in that
 * order, so that no grant can be pushed before somebody listens.
 */
export class Connection {
  readonly process: string;
  up = false;
  /** The store cannot be reached, and not because it was never tried. */
  away = false;
  cause: unknown;
  /** Why no call will ever be served, or not by this server. */
  refusal: SluiceError | undefined;
  readonly #client: RedisClient;
  readonly #own: boolean;
  readonly #inboxClient: RedisClient;
  readonly #inbox: string;
  readonly #scripts: Scripts;
  readonly #listener: ConnectionListener;
  readonly #observers = new Set<StoreObserver>();
  #binding: Binding | undefined;
  #establishing = false;
  #subscribed = false;
  #outOfMemoryUntil = 0;
  #retry: NodeJS.Timeout | undefined;
  #readiness: NodeJS.Timeout | undefined;
  #closed = false;
  #arrivals: (() => void)[] = [];

  /** @param own whether the client was made by this store, which then may reconnect and end it */
  constructor(
    client: RedisClient,
    own: boolean,
    process: string,
    prefix: string,
    scripts: Scripts,
    listener: ConnectionListener,
  ) {
    this.process = process;
    this.#client = client;
    this.#own = own;
    this.#scripts = scripts;
    this.#listener = listener;
    this.#inbox = inboxOf(prefix, process);
    // With RESP3 a subscribed connection takes commands too; a client of the caller's is not subscribed behind its back.
    this.#inboxClient =
      own && client.options.protocol === 3
        ? client
        : client.duplicate({ ...ownClientOptions, lazyConnect: false });
    this.#listen();
    if (client.status === "ready") this.#establish();
    else if (client.status === "wait") client.connect().catch(() => {});
  }

  /** The life of the server that the scripts are bound to. */
  get incarnation(): string {
    return this.#binding?.incarnation ?? "";
  }

  /** @throws whatever the client says; `faultOf` judges it */
  apply(key: string, batch: string): Promise<unknown> {
    const binding = this.#requireBinding();
    const outOfMemory = this.#outOfMemoryUntil > 0 && performance.now() < this.#outOfMemoryUntil;
    return this.#run(binding, outOfMemory ? binding.applyOutOfMemorySha : binding.applySha, key, batch);
  }

  /** @throws StoreUnavailableError, StoreIncompatibleError */
  async inspect(key: string, request: string): Promise<string | null> {
    try {
      return await this.#inspect(key, request);
    } catch (error) {
      if (faultOf(error) !== "unbound") throw errorOf(error);
    }
    await this.reachable();
    return this.#inspect(key, request).catch((error) => {
      throw errorOf(error);
    });
  }

  /**
   * Resolves when the store is up; waits only for a connection that is being made.
   *
   * @throws StoreUnavailableError, StoreIncompatibleError
   */
  async reachable(): Promise<void> {
    if (!this.up && !this.away && this.refusal === undefined) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, patienceMs);
        this.#arrivals.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
    if (this.refusal !== undefined) throw this.refusal;
    if (!this.up) throw this.#down();
  }

  /** @throws StoreUnavailableError */
  async call(command: string, ...args: (string | number)[]): Promise<unknown> {
    if (!this.up) throw this.#down();
    return this.#client.call(command, ...args).catch((error) => {
      throw unavailable(error);
    });
  }

  async ping(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(unavailable(new Error(`no answer within ${pingTimeoutMs} ms`))),
        pingTimeoutMs,
      );
    });
    try {
      await Promise.race([this.call("PING"), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  observe(observer: StoreObserver): () => void {
    this.#observers.add(observer);
    if (this.up) observer.availability?.({ up: true });
    return () => this.#observers.delete(observer);
  }

  observed(durationMs: number, operations: number): void {
    for (const observer of this.#observers) observer.roundtrip?.({ durationMs, operations });
  }

  /** A call had no answer for long: only a new connection can tell. A client of the caller's is left to the caller. */
  reset(): void {
    if (this.#own) this.#client.disconnect(true);
  }

  close(): void {
    this.#closed = true;
    this.up = false;
    this.away = true;
    this.refusal ??= new StoreUnavailableError("the store is closed");
    this.#arrived();
    clearTimeout(this.#retry);
    clearTimeout(this.#readiness);
    this.#unlisten();
    if (this.#inboxClient !== this.#client) this.#inboxClient.disconnect();
    if (this.#own) this.#client.disconnect();
  }

  #arrived(): void {
    const arrivals = this.#arrivals;
    this.#arrivals = [];
    for (const arrive of arrivals) arrive();
  }

  async #inspect(key: string, request: string): Promise<string | null> {
    const binding = this.#requireBinding();
    return this.#run(binding, binding.inspectSha, key, request) as Promise<string | null>;
  }

  #requireBinding(): Binding {
    if (!this.up || this.#binding === undefined) throw this.#down();
    return this.#binding;
  }

  #down(): StoreUnavailableError {
    return unavailable(this.refusal ?? this.cause);
  }

  #run(binding: Binding, sha: string, key: string, argument: string): Promise<unknown> {
    return this.#client.evalsha(sha, 1, key, argument).catch((error) => {
      this.#learn(binding, error);
      throw error;
    });
  }

  #learn(binding: Binding, error: unknown): void {
    const fault = faultOf(error);
    if (fault === "out_of_memory") this.#outOfMemoryUntil = performance.now() + outOfMemoryMs;
    if (fault === "unbound" && this.#binding === binding) {
      this.#binding = undefined;
      this.up = false;
      this.#establish();
    }
    if (error instanceof Error && error.message.startsWith("READONLY")) this.reset();
  }

  #establish(): void {
    if (this.#establishing || this.#closed) return;
    this.#establishing = true;
    this.#inTime(this.#subscribeThenBind())
      .then((binding) => this.#setUp(binding))
      .catch((error) => this.#couldNotEstablish(error))
      .finally(() => {
        this.#establishing = false;
      });
  }

  /** A peer that accepts and says nothing must not keep the store from trying again. */
  async #inTime(work: Promise<Binding>): Promise<Binding> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        this.reset();
        reject(new Error(`no answer within ${establishMs} ms of connecting`));
      }, establishMs);
    });
    work.catch(() => {});
    try {
      return await Promise.race([work, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #subscribeThenBind(): Promise<Binding> {
    if (this.#inboxClient.status === "ready") {
      await this.#inboxClient.subscribe(this.#inbox);
      this.#subscribed = true;
    }
    return this.#binding ?? (await bind(this.#client, this.#scripts));
  }

  #setUp(binding: Binding): void {
    if (this.#closed) return;
    this.#binding = binding;
    if (this.#client.status !== "ready" || !this.#subscribed) {
      this.#tryAgain();
      return;
    }
    this.refusal = undefined;
    this.cause = undefined;
    this.away = false;
    this.up = true;
    for (const observer of this.#observers) observer.availability?.({ up: true });
    this.#arrived();
    this.#listener.connected();
  }

  #couldNotEstablish(error: unknown): void {
    if (this.#closed) return;
    if (error instanceof StoreIncompatibleError) {
      this.refusal = error;
      this.#arrived();
      this.#listener.refused(error);
      return;
    }
    this.#setDown(error);
    this.#tryAgain();
  }

  #tryAgain(): void {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(this.#ready, bindRetryMs);
  }

  #setDown(cause: unknown): void {
    const told = this.away;
    this.up = false;
    this.away = true;
    this.cause = withoutCommand(cause) ?? this.cause ?? new Error("the connection was closed");
    if (!told)
      for (const observer of this.#observers) observer.availability?.({ up: false, cause: this.cause });
    this.#arrived();
    this.#listener.disconnected(this.cause);
  }

  readonly #ready = (): void => {
    if (this.#client.status === "ready") this.#establish();
  };

  /** The client asks the server whether it is ready, and would wait for an answer without end. */
  readonly #connected = (): void => {
    clearTimeout(this.#readiness);
    this.#readiness = setTimeout(() => {
      if (this.#client.status !== "ready") this.reset();
    }, establishMs);
    this.#readiness.unref();
  };

  readonly #lost = (): void => {
    this.#setDown(undefined);
  };

  readonly #failed = (error: unknown): void => {
    this.cause = withoutCommand(error);
  };

  readonly #message = (channel: string, text: string): void => {
    if (channel === this.#inbox) this.#listener.pushed(text);
  };

  /** Pushes may have been lost while nobody listened: everything that waits is compared again. */
  readonly #inboxReady = (): void => {
    if (this.#client.status === "ready") this.#establish();
  };

  readonly #inboxLost = (): void => {
    this.#subscribed = false;
  };

  #listen(): void {
    this.#inboxClient.on("close", this.#inboxLost);
    this.#client.on("connect", this.#connected);
    this.#client.on("ready", this.#ready);
    this.#client.on("close", this.#lost);
    this.#client.on("end", this.#lost);
    this.#client.on("error", this.#failed);
    this.#inboxClient.on("message", this.#message);
    if (this.#inboxClient === this.#client) return;
    this.#inboxClient.on("ready", this.#inboxReady);
    this.#inboxClient.on("error", this.#failed);
  }

  #unlisten(): void {
    this.#inboxClient.off("close", this.#inboxLost);
    this.#client.off("connect", this.#connected);
    this.#client.off("ready", this.#ready);
    this.#client.off("close", this.#lost);
    this.#client.off("end", this.#lost);
    if (!this.#own) this.#client.off("error", this.#failed);
    this.#inboxClient.off("message", this.#message);
  }
}
