import type { Duplex } from "node:stream";
import { closeCodes, type SessionMessage } from "@sluice/client/shapes";
import { newLeaseId } from "@sluice/core";
import type { RawData, WebSocket } from "ws";
import type { Caller } from "../access/caller.js";
import type { Context } from "../context.js";
import { problemFor } from "../http/answer.js";
import { LOOPBACK_GRACE_MS } from "../leases/grace.js";
import { Channel } from "./channel.js";
import { type Ending, endingOf } from "./ending.js";
import { readMessage, type Unreadable } from "./messages.js";
import { SessionLeases } from "./session-leases.js";
import { SessionRequests } from "./session-requests.js";

/** Nothing more is read from a client while so much of what it has asked for is under way, waiting acquires aside. */
const MAX_UNDER_WAY = 1_000;

/** A close frame that is not answered is not waited for. */
const CLOSE_PATIENCE_MS = 1_000;

export interface SessionOptions {
  readonly socket: WebSocket;
  /** What the socket writes to. */
  readonly stream: Duplex;
  readonly context: Context;
  readonly caller: Caller;
  readonly address: string;
  /** Whether one kernel tells both ends of the end of the connection. */
  readonly isLoopback: boolean;
  /** Called once, when the connection has ended. */
  readonly onEnd: (ending: Ending) => void;
}

/** One connection of a process that holds many leases: they are renewed for it, and end soon after it. */
export class Session {
  readonly #socket: WebSocket;
  readonly #context: Context;
  readonly #channel: Channel;
  readonly #leases: SessionLeases;
  readonly #requests: SessionRequests;
  /** For how long its client is told that it is kept after its end. */
  readonly graceMs: number;
  readonly #onEnd: (ending: Ending) => void;
  #underWay = 0;
  #heardAt = performance.now();
  #ending: Ending | undefined;

  constructor({ socket, stream, context, caller, address, isLoopback, onEnd }: SessionOptions) {
    this.#socket = socket;
    this.#context = context;
    this.#onEnd = onEnd;
    this.graceMs = isLoopback ? LOOPBACK_GRACE_MS : context.graceMs;
    this.#channel = new Channel(socket, stream, () => this.cut());
    this.#leases = new SessionLeases(context.custody, this.#channel, isLoopback);
    this.#requests = new SessionRequests({ context, caller, address, leases: this.#leases });
    socket.on("message", (data: RawData, isBinary: boolean) => this.#receive(data, isBinary));
    socket.on("ping", () => this.#pinged());
    socket.on("pong", () => this.#hear());
    socket.on("close", (code) => this.#end(endingOf(code)));
    socket.on("error", () => this.#unreadable());
    const { graceMs } = this;
    this.#channel.tell({ event: "session", session: newLeaseId(), sidecar: context.name, graceMs });
  }

  get leases(): number {
    return this.#leases.size;
  }

  /** For how long its client has said nothing at all. */
  get silentMs(): number {
    // Who is not read cannot be heard.
    return this.#socket.isPaused ? 0 : performance.now() - this.#heardAt;
  }

  /** Asks a silent client for a sign of life, which its WebSocket library gives by itself. */
  ping(): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.ping();
  }

  /** Nothing is granted any more; what the client holds is kept. */
  drain(): void {
    this.#channel.tell({ event: "draining" });
  }

  /**
   * Ends the connection of a client that is not there any more, or does not read.
   *
   * @param silentMs for how long it has certainly been told nothing
   */
  cut(silentMs = 0): void {
    this.#end("cut", silentMs);
    this.#socket.terminate();
  }

  /** Ends the connection because the sidecar ends. */
  restart(): void {
    this.#end("restart");
    this.#socket.close(closeCodes.restart, "the sidecar ends");
    setTimeout(() => this.#socket.terminate(), CLOSE_PATIENCE_MS).unref();
  }

  /** The library answers by itself, past the channel. */
  #pinged(): void {
    this.#hear();
    this.#channel.requireReader();
  }

  /** What cannot be read as WebSocket: the library says so to the client, and ends the connection. */
  #unreadable(): void {
    this.#end("cut");
    setTimeout(() => this.#socket.terminate(), CLOSE_PATIENCE_MS).unref();
  }

  #hear(): void {
    this.#heardAt = performance.now();
  }

  #receive(data: RawData, isBinary: boolean): void {
    this.#hear();
    if (this.#ending !== undefined) return;
    try {
      void this.#serve(readMessage(data, isBinary));
    } catch (error) {
      const { id, cause } = error as Unreadable;
      this.#refuse(id, cause);
    }
  }

  async #serve(message: SessionMessage): Promise<void> {
    // What waits is bounded elsewhere, and must not keep a release from being read.
    const counts = message.op !== "acquire" || message.waitMs === 0;
    if (counts) this.#count(1);
    try {
      this.#channel.answer(message.id, await this.#requests.serve(message));
    } catch (error) {
      this.#refuse(message.id, error);
    } finally {
      if (counts) this.#count(-1);
    }
  }

  #refuse(id: string | number | null, error: unknown): void {
    this.#channel.refuse(id, problemFor(error, "a message of a session", this.#context.log));
  }

  #count(change: 1 | -1): void {
    this.#underWay += change;
    if (this.#underWay >= MAX_UNDER_WAY) this.#socket.pause();
    else if (this.#socket.isPaused) this.#socket.resume();
  }

  #end(ending: Ending, silentMs = 0): void {
    if (this.#ending !== undefined) return;
    this.#ending = ending;
    this.#requests.end(ending, this.graceMs);
    this.#leases.end(ending, silentMs);
    this.#onEnd(ending);
  }
}
