import { type SluiceError, StoreIncompatibleError, StoreUnavailableError } from "../../errors.js";
import { inTime } from "../../in-time.js";
import type { StoreObserver } from "../../store.js";
import { Arrivals } from "./arrivals.js";
import { type Binding, bind, type Push, ReplicaError, type Scripts } from "./binding.js";
import { errorOf, unavailable, withoutCommand } from "./call.js";
import type { RedisClient } from "./client.js";
import { faultOf } from "./faults.js";
import { Handshake } from "./handshake.js";
import { Inbox } from "./inbox.js";
import type { Link, Network, NetworkListener } from "./link.js";
import { Lives } from "./lives.js";
import { Observers } from "./observers.js";
import { Reconnection } from "./reconnection.js";
import { ScriptCalls } from "./script-calls.js";

const bindRetryMs = 100;
/** How long it may take to subscribe and to bind. */
const establishMs = 5_000;
/** How long anything else may take that is not a batch, which has a time of its own. */
const answerMs = 5_000;
const pingMs = 2_000;
const noOthers: readonly string[] = [];

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
  /** Told when a node has ended subscriptions by itself, because it gave their slot away. */
  readonly unsubscribed?: () => void;
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
  readonly #lives = new Lives();
  readonly #handshake: Handshake | undefined;
  readonly #reconnection: Reconnection | undefined;
  readonly #calls: ScriptCalls;
  #establishing = false;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(setup: ConnectionSetup) {
    const { client, own, process, scripts, assumeFresh, inbox, listener } = setup;
    this.process = process;
    this.#client = client;
    this.#own = own;
    this.#scripts = scripts;
    this.#assumeFresh = assumeFresh;
    this.#listener = listener;
    this.#calls = new ScriptCalls(client, this.#unbound);
    this.#push = inbox === undefined ? "SPUBLISH" : "PUBLISH";
    this.#inbox = new Inbox({
      client,
      own,
      channel: inbox,
      pushed: (text) => listener.pushed(text),
      unsubscribed: () => setup.unsubscribed?.(),
      ready: this.#ready,
      failed: this.#failed,
    });
    this.#handshake = own ? new Handshake(client) : undefined;
    this.#reconnection = own ? new Reconnection(client) : undefined;
    this.#listen();
    if (client.status === "ready") this.#establish();
    else if (client.status === "wait") client.connect().catch(() => {});
    else if (client.status === "end") this.#setDown(new Error("the client was ended"));
  }

  get incarnation(): string {
    return this.#calls.binding?.incarnation ?? "";
  }

  get assumesFresh(): boolean {
    return this.#assumeFresh && !this.#calls.answered && this.isInFirstLife;
  }

  /** The server is in the life in which it was first met. */
  get isInFirstLife(): boolean {
    return this.#lives.isFirst;
  }

  get knownForMs(): number {
    return this.#lives.knownForMs;
  }

  link(): Link {
    return this;
  }

  unlink(): void {}

  /** @param others the semaphore's other keys, which a Cluster wants to be told */
  apply(key: string, batch: string, others = noOthers): Promise<unknown> {
    return this.#calls.apply(this.#requireBinding(), key, others, batch);
  }

  /** @throws also what a node says that does not keep the semaphore */
  async inspect(key: string, request: string, others = noOthers): Promise<string | null> {
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
    return this.#inTime(this.#client.call(command, ...args)).catch((error) => {
      throw faultOf(error) === "moved" ? error : unavailable(error);
    });
  }

  /** Hears what is published to a channel in a slot of this node. @throws whatever the client says */
  subscribe(channel: string): Promise<void> {
    return inTime(answerMs, this.#inbox.subscribeInSlot(channel), () => this.#inbox.reset());
  }

  unsubscribe(channel: string): void {
    this.#inbox.unsubscribeInSlot(channel);
  }

  async ping(): Promise<void> {
    await inTime(pingMs, this.call("PING")).catch((error) => {
      throw errorOf(error);
    });
  }

  observe(observer: StoreObserver): () => void {
    return this.#observers.add(observer, this.up);
  }

  observed(durationMs: number, operations: number): void {
    this.#observers.roundtrip(durationMs, operations);
  }

  reset(): void {
    this.#reconnection?.begin();
    this.#inbox.reset();
  }

  close(): void {
    this.#closed = true;
    this.up = false;
    this.away = true;
    this.refusal ??= new StoreUnavailableError("the store is closed");
    this.#arrivals.tell();
    clearTimeout(this.#retry);
    this.#handshake?.close();
    this.#reconnection?.close();
    this.#unlisten();
    this.#inbox.close();
    if (this.#own) this.#client.disconnect();
  }

  async #inspect(key: string, request: string, others: readonly string[]): Promise<string | null> {
    return this.#inTime(this.#calls.inspect(this.#requireBinding(), key, others, request));
  }

  /** A server that says nothing must not keep anybody waiting without end. */
  #inTime<Reply>(call: Promise<Reply>): Promise<Reply> {
    return inTime(answerMs, call, () => this.reset());
  }

  #requireBinding(): Binding {
    const { binding } = this.#calls;
    if (!this.up || binding === undefined) throw this.#down();
    return binding;
  }

  #down(): StoreUnavailableError {
    return unavailable(this.refusal ?? this.cause);
  }

  readonly #unbound = (proven: boolean): void => {
    this.up = false;
    if (proven) this.#establish();
    else this.#leave(new Error("the connection leads to another server than a new one does"));
  };

  /** The client is connected to a server that cannot serve us; where a new connection leads may be another one. */
  #leave(cause: unknown): void {
    if (this.#closed) return;
    this.#setDown(cause);
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => {
      this.#reconnection?.begin();
      this.#ready();
    }, bindRetryMs);
  }

  #establish(): void {
    if (this.#establishing || this.#closed) return;
    this.#establishing = true;
    inTime(establishMs, this.#subscribeThenBind(), () => this.reset())
      .then((binding) => this.#setUp(binding))
      .catch((error) => this.#couldNotEstablish(error))
      .finally(() => {
        this.#establishing = false;
      });
  }

  async #subscribeThenBind(): Promise<Binding> {
    await this.#inbox.subscribe();
    return bind(this.#client, this.#scripts, this.#push, this.#calls.binding);
  }

  #setUp(binding: Binding): void {
    if (this.#closed) return;
    this.#calls.bind(binding);
    if (this.#lives.meet(binding.incarnation)) this.#listener.begunAnotherLife();
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

  readonly #lost = (): void => {
    this.#setDown(undefined);
  };

  readonly #failed = (error: unknown): void => {
    this.cause = withoutCommand(error);
  };

  #listen(): void {
    this.#client.on("ready", this.#ready);
    this.#client.on("close", this.#lost);
    this.#client.on("end", this.#lost);
    this.#client.on("error", this.#failed);
  }

  #unlisten(): void {
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
