import { createConnection, type Socket } from "node:net";
import { FrameSplitter } from "../resp/frames.js";
import type { LaneConditions } from "./conditions.js";
import { Conversation, type ProxiedPush, type ProxiedRequest } from "./conversation.js";
import type { Direction, PushFate, RequestFate } from "./fates.js";
import { Lane } from "./lane.js";

/** What a connection asks its proxy, and tells it. */
export interface Fates {
  readonly conditions: Readonly<Record<Direction, LaneConditions>>;
  requestFate(request: ProxiedRequest): RequestFate;
  pushFate(push: ProxiedPush): PushFate;
  /** The server has replied, and the reply is on its way to the client, or held back. */
  replied(): void;
  /** The connection was cut because of `request`. */
  cut(request: ProxiedRequest, fate: RequestFate): void;
  closed(): void;
}

/** One client's connection, its twin to the server, and the two lanes between them. */
export class ProxiedConnection {
  /** Counts the proxy's connections, from 1. */
  readonly id: number;
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #toServer: Lane;
  readonly #toClient: Lane;
  readonly #conversation: Conversation;
  readonly #fates: Fates;
  /** Requests that the server has, and whose reply is to be lost with the connection. */
  readonly #doomed = new Set<ProxiedRequest>();
  #isCut = false;

  constructor(id: number, client: Socket, targetPort: number, fates: Fates) {
    this.id = id;
    this.#fates = fates;
    this.#conversation = new Conversation(id);
    this.#client = client;
    this.#server = createConnection({ host: "127.0.0.1", port: targetPort, noDelay: true });
    this.#toServer = new Lane(this.#server, fates.conditions.toServer);
    this.#toClient = new Lane(client, fates.conditions.toClient);
    this.#join(client, this.#toServer, (frame) => this.#fromClient(frame));
    this.#join(this.#server, this.#toClient, (frame) => this.#fromServer(frame));
    client.setNoDelay(true);
  }

  cut(): void {
    this.#isCut = true;
    this.#toServer.drop();
    this.#toClient.drop();
    this.#client.destroy();
    this.#server.destroy();
  }

  /** Delivers what a black hole has held back. */
  deliver(): void {
    this.#toServer.deliver();
    this.#toClient.deliver();
  }

  #join(from: Socket, onward: Lane, take: (frame: Buffer) => void): void {
    const splitter = new FrameSplitter();
    from.on("data", (chunk) => {
      for (const frame of splitter.push(chunk)) if (!this.#isCut) take(frame);
    });
    // An error is followed by "close", which is what matters here.
    from.on("error", () => undefined);
    from.on("close", () => {
      if (!this.#isCut) onward.end();
      if (this.#client.closed && this.#server.closed) this.#fates.closed();
    });
  }

  #fromClient(frame: Buffer): void {
    const request = this.#conversation.read(frame);
    const fate = this.#fates.requestFate(request);
    if (fate === "cut-before") {
      this.cut();
      this.#fates.cut(request, fate);
      return;
    }
    if (fate === "cut-after") this.#doomed.add(request);
    this.#conversation.sent(request);
    this.#toServer.send(frame);
  }

  #fromServer(frame: Buffer): void {
    const heard = this.#conversation.heard(frame);
    if (heard.what === "push" && this.#fates.pushFate(heard.push) === "swallow") return;
    if (heard.what === "reply" && this.#doomed.has(heard.request)) {
      this.cut();
      this.#fates.cut(heard.request, "cut-after");
      return;
    }
    this.#toClient.send(frame);
    if (heard.what === "reply") this.#fates.replied();
  }
}
