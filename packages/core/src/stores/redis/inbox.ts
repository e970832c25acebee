import { ownClientOptions, type RedisClient } from "./client.js";
import { Handshake } from "./handshake.js";
import { Reconnection } from "./reconnection.js";

export interface InboxSetup {
  readonly client: RedisClient;
  /** Whether the client was made by this store. */
  readonly own: boolean;
  /** The channel of this process; left out where channels are subscribed one by one, in the slots of a Cluster. */
  readonly channel: string | undefined;
  readonly pushed: (text: string) => void;
  /** A node has ended subscriptions by itself. Clients before ioredis 6 do not tell. */
  readonly unsubscribed: () => void;
  /** Whoever is subscribed has to subscribe anew: what was pushed meanwhile is lost. */
  readonly ready: () => void;
  readonly failed: (error: unknown) => void;
}

/** What other processes are told by the server to tell this one. */
export class Inbox {
  readonly #setup: InboxSetup;
  readonly #client: RedisClient;
  readonly #handshake: Handshake | undefined;
  readonly #reconnection: Reconnection | undefined;
  #subscribed = false;

  constructor(setup: InboxSetup) {
    const { client, own, channel } = setup;
    this.#setup = setup;
    // With RESP3 a subscribed connection takes commands too. A client of the caller's is not subscribed behind its back.
    // A node of a Cluster unsubscribes whoever listens to a slot that it gives away, and says so unasked, which older
    // clients take for the answer to a command.
    const shares = own && channel !== undefined && client.options.protocol === 3;
    this.#client = shares ? client : client.duplicate({ ...ownClientOptions, lazyConnect: false });
    this.#handshake = shares ? undefined : new Handshake(this.#client);
    this.#reconnection = shares ? undefined : new Reconnection(this.#client);
    this.#listen();
  }

  /** What is pushed is heard, or will be as soon as it is subscribed. */
  get listens(): boolean {
    return this.#setup.channel === undefined ? this.#client.status === "ready" : this.#subscribed;
  }

  /** Does nothing while the connection is being made: `ready` tells when it is. */
  async subscribe(): Promise<void> {
    const { channel } = this.#setup;
    if (channel === undefined || this.#client.status !== "ready") return;
    await this.#client.subscribe(channel);
    this.#subscribed = true;
  }

  async subscribeInSlot(channel: string): Promise<void> {
    await this.#client.ssubscribe(channel);
  }

  unsubscribeInSlot(channel: string): void {
    this.#client.sunsubscribe(channel).catch(() => {});
  }

  /** The connection may be dead without anybody having been told. One that is shared is not the inbox's to end. */
  reset(): void {
    this.#reconnection?.begin();
  }

  close(): void {
    this.#handshake?.close();
    this.#reconnection?.close();
    this.#client.off("close", this.#lost);
    this.#client.off("message", this.#message);
    this.#client.off("smessage", this.#slotMessage);
    this.#client.off("moved", this.#setup.unsubscribed);
    if (this.#client !== this.#setup.client) this.#client.disconnect();
  }

  readonly #lost = (): void => {
    this.#subscribed = false;
  };

  readonly #message = (channel: string, text: string): void => {
    if (channel === this.#setup.channel) this.#setup.pushed(text);
  };

  readonly #slotMessage = (_channel: string, text: string): void => {
    this.#setup.pushed(text);
  };

  #listen(): void {
    this.#client.on("close", this.#lost);
    if (this.#setup.channel === undefined) {
      this.#client.on("smessage", this.#slotMessage);
      this.#client.on("moved", this.#setup.unsubscribed);
    } else {
      this.#client.on("message", this.#message);
    }
    if (this.#client === this.#setup.client) return;
    this.#client.on("ready", this.#setup.ready);
    this.#client.on("error", this.#setup.failed);
  }
}
