import { type SluiceError, StoreIncompatibleError, StoreUnavailableError } from "../../errors.js";
import type { StoreObserver } from "../../store.js";
import { Arrivals } from "./arrivals.js";
import { type Binding, bind, type Push, ReplicaError, type Scripts } from "./binding.js";
import { errorOf, unavailable, withoutCommand } from "./call.js";
import type { RedisClient } from "./client.js";
import { faultOf } from "./faults.js";
import { Inbox } from "./inbox.js";
import type { Link, Network, NetworkListener } from "./link.js";
import { Observers } from "./observers.js";

const bindRetryMs = 100;
/** How long it may take to subscribe and to bind, and for a client of ours to become ready after it has connected. */
const establishMs = 5_000;
/** Memory that has run out is asked for again after this time. */
const outOfMemoryMs = 1_000;
const pingTimeoutMs = 2_000;

export interface ConnectionSetup {
  readonly client: RedisClient;
  /** Whether the client was made by this store, which then may reconnect and end it. */
  readonly own: boolean;
  /** The name under which this process calls. */
  readonly process: string;
  readonly scripts: Scripts;
  readonly assumeFresh: boolean;
  /** The channel of this process; left out on a node of a Cluster, where each semaphore has one of its own. */
  readonly inbox: string | undefined;
  readonly listener: NetworkListener;
}

/**
 * The connection to one server: up when the client is ready, the inbox is subscribed, and the scripts are bound, in that
 * order, so that no grant can be pushed before somebody listens.
 */
export class Connection implements Link, Network {
  readonly process: string;
  up = false;
  away = false;
  cause: unknown;
  refusal: SluiceError | undefined;
  readonly #client: RedisClient;
  readonly #own: boolean;
  readonly #inbox: Inbox;
  readonly #push: Push;
  readonly #scripts: Scripts;
  readonly #assumeFresh: boolean;
  readonly #listener: NetworkListener;
  readonly #observers = new Observers();
  readonly #arrivals = new Arrivals();
  #binding: Binding | undefined;
  /** Some call was served under the binding: it is of the server that the client is connected to. */
  #proven = false;
  /** The life of the server that was met last, and since when it is known. */
  #life = { incarnation: "", since: 0 };
  #firstIncarnation: string | undefined;
  #answered = false;
  #establishing = false;
  #outOfMemoryUntil = 0;
  #retry: NodeJS.Timeout | undefined;
  #readiness: NodeJS.Timeout | undefined;
  #closed = false;

  constructor({ client, own, process, scripts, assumeFresh, inbox, listener }: ConnectionSetup) {
    this.process = process;
    this.#client = client;
    this.#own = own;
    this.#scripts = scripts;
    this.#assumeFresh = assumeFresh;
    this.#listener = listener;
    this.#push = inbox === undefined ? "SPUBLISH" : "PUBLISH";
    this.#inbox = new Inbox({
      client,
      own,
      channel: inbox,
      pushed: (text) => listener.pushed(text),
      ready: this.#ready,
      failed: this.#failed,
    });
    this.#listen();
    if (client.status === "ready") this.#establish();
    else if (client.status === "wait") client.connect().catch(() => {});
  }

  get incarnation(): string {
    return this.#binding?.incarnation ?? "";
  }

  get assumesFresh(): boolean {
    return this.#assumeFresh && !this.#answered && this.isInFirstLife;
  }

  /** The server is in the life in which it was first met. */
  get isInFirstLife(): boolean {
    return this.#life.incarnation === this.#firstIncarnation;
  }

  get knownForMs(): number {
    return this.#life.incarnation === "" ? 0 : performance.now() - this.#life.since;
  }

  link(): Link {
    return this;
  }

  unlink(): void {}

  /** @param others the semaphore's other keys, which a Cluster wants to be told */
  apply(key: string, batch: string, others: readonly string[] = []): Promise<unknown> {
    const binding = this.#requireBinding();
    const outOfMemory = this.#outOfMemoryUntil > 0 && performance.now() < this.#outOfMemoryUntil;
    const sha = outOfMemory ? binding.applyOutOfMemorySha : binding.applySha;
    return this.#run(binding, sha, key, others, batch);
  }

  /** @throws also what a node says that does not keep the semaphore */
  async inspect(key: string, request: string, others: readonly string[] = []): Promise<string | null> {
    try {
      return await this.#inspect(key, request, others);
    } catch (error) {
      if (faultOf(error) !== "unbound") throw knownError(error);
    }
    await this.reachable();
    return this.#inspect(key, request, others).catch((error) => {
      throw knownError(error);
    });
  }

  async reachable(): Promise<void> {
    if (!this.up && !this.away && this.refusal === undefined) {
      await this.#arrivals.next();
    }
    if (this.refusal !== undefined) throw this.refusal;
    if (!this.up) throw this.#down();
  }

  /** @throws also what a node says that does not keep the key */
  async call(command: string, ...args: (string | number)[]): Promise<unknown> {
    if (!this.up) throw this.#down();
    return this.#client.call(command, ...args).catch((error) => {
      throw faultOf(error) === "moved" ? error : unavailable(error);
    });
  }

  /** Hears what is published to a channel in a slot of this node. @throws whatever the client says */
  subscribe(channel: string): Promise<void> {
    return this.#inbox.subscribeInSlot(channel);
  }

  unsubscribe(channel: string): void {
    this.#inbox.unsubscribeInSlot(channel);
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
    return this.#observers.add(observer, this.up);
  }

  observed(durationMs: number, operations: number): void {
    this.#observers.roundtrip(durationMs, operations);
  }

  reset(): void {
    if (this.#own) this.#client.disconnect(true);
  }

  close(): void {
    this.#closed = true;
    this.up = false;
    this.away = true;
    this.refusal ??= new StoreUnavailableError("the store is closed");
    this.#arrivals.tell();
    clearTimeout(this.#retry);
    clearTimeout(this.#readiness);
    this.#unlisten();
    this.#inbox.close();
    if (this.#own) this.#client.disconnect();
  }

  async #inspect(key: string, request: string, others: readonly string[]): Promise<string | null> {
    const binding = this.#requireBinding();
    return this.#run(binding, binding.inspectSha, key, others, request) as Promise<string | null>;
  }

  #requireBinding(): Binding {
    if (!this.up || this.#binding === undefined) throw this.#down();
    return this.#binding;
  }

  #down(): StoreUnavailableError {
    return unavailable(this.refusal ?? this.cause);
  }

  async #run(
    binding: Binding,
    sha: string,
    key: string,
    others: readonly string[],
    argument: string,
  ): Promise<unknown> {
    try {
      const reply = await this.#client.evalsha(sha, 1 + others.length, key, ...others, argument);
      this.#proven = true;
      this.#answered ||= sha !== binding.inspectSha;
      return reply;
    } catch (error) {
      this.#learn(binding, error);
      throw error;
    }
  }

  #learn(binding: Binding, error: unknown): void {
    const fault = faultOf(error);
    if (fault === "out_of_memory") this.#outOfMemoryUntil = performance.now() + outOfMemoryMs;
    if (fault !== "unbound" || this.#binding !== binding) return;
    this.#binding = undefined;
    this.up = false;
    if (this.#proven) this.#establish();
    else this.#leave(new Error("the connection leads to another server than a new one does"));
  }

  /** The client is connected to a server that cannot serve us; where a new connection leads may be another one. */
  #leave(cause: unknown): void {
    this.#setDown(cause);
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => {
      this.reset();
      this.#ready();
    }, bindRetryMs);
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
    await this.#inbox.subscribe();
    return bind(this.#client, this.#scripts, this.#push, this.#binding);
  }

  #setUp(binding: Binding): void {
    if (this.#closed) return;
    this.#take(binding);
    if (this.#client.status !== "ready" || !this.#inbox.listens) {
      this.#tryAgain();
      return;
    }
    this.refusal = undefined;
    this.cause = undefined;
    this.away = false;
    this.up = true;
    this.#observers.availability({ up: true });
    this.#arrivals.tell();
    this.#listener.connected();
  }

  #take(binding: Binding): void {
    const { incarnation } = binding;
    if (this.#binding !== binding) this.#proven = false;
    this.#binding = binding;
    this.#firstIncarnation ??= incarnation;
    if (this.#life.incarnation === incarnation) return;
    this.#life = { incarnation, since: performance.now() };
    if (incarnation !== this.#firstIncarnation) this.#listener.begunAnotherLife();
  }

  #couldNotEstablish(error: unknown): void {
    if (this.#closed) return;
    if (error instanceof StoreIncompatibleError) {
      this.refusal = error;
      this.#arrivals.tell();
      this.#listener.refused(error);
      return;
    }
    if (error instanceof ReplicaError) {
      this.#leave(error);
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
    if (!told) this.#observers.availability({ up: false, cause: this.cause });
    this.#arrivals.tell();
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

  #listen(): void {
    this.#client.on("connect", this.#connected);
    this.#client.on("ready", this.#ready);
    this.#client.on("close", this.#lost);
    this.#client.on("end", this.#lost);
    this.#client.on("error", this.#failed);
  }

  #unlisten(): void {
    this.#client.off("connect", this.#connected);
    this.#client.off("ready", this.#ready);
    this.#client.off("close", this.#lost);
    this.#client.off("end", this.#lost);
    if (!this.#own) this.#client.off("error", this.#failed);
  }
}

/** What the server says of a semaphore that it does not keep is for whoever knows where it is kept. */
function knownError(error: unknown): unknown {
  return faultOf(error) === "moved" ? error : errorOf(error);
}
