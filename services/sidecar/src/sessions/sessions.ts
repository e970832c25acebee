import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { SUBPROTOCOL } from "@sluice/client/shapes";
import { type WebSocket, WebSocketServer } from "ws";
import { requireScope } from "../access/access.js";
import type { Caller } from "../access/caller.js";
import { drainingProblem } from "../attempts/refusal.js";
import type { Context } from "../context.js";
import { answerByHand } from "../http/by-hand.js";
import { MAX_BODY_BYTES } from "../http/input.js";
import { HttpProblem } from "../http/problem.js";
import { refusedUpgrade, unreadableUpgrade } from "../http/refusals.js";
import { serveWithoutUpgrade } from "../http/without-upgrade.js";
import { isDirectLoopback } from "../leases/grace.js";
import type { Uncount } from "../limits/client-limits.js";
import type { Ending } from "./ending.js";
import { Session } from "./session.js";

export const SESSION_PATH = "/v1/session";

/** How often silent clients are looked for. */
const LOOK_MS = 2_000;
/** A client that has said nothing for so long is asked for a sign of life. */
const PING_AFTER_MS = 20_000;
/** And is taken for dead after so long. */
const DEAD_AFTER_MS = 60_000;

/** All sessions of a sidecar. */
export class Sessions {
  readonly #context: Context;
  readonly #webSockets: WebSocketServer;
  readonly #open = new Set<Session>();
  #looking: NodeJS.Timeout | undefined;

  constructor(context: Context) {
    this.#context = context;
    this.#webSockets = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      maxPayload: MAX_BODY_BYTES,
      // Small messages do not get smaller, and a compressed one could become large.
      perMessageDeflate: false,
      handleProtocols: () => SUBPROTOCOL,
    });
    this.#webSockets.on("wsClientError", (error, stream, request) =>
      answerByHand(stream, refusedUpgrade(context, request, unreadableUpgrade(error))),
    );
  }

  get size(): number {
    return this.#open.size;
  }

  /** Takes the server's upgrades. */
  listen(server: Server): void {
    server.on("upgrade", (request, stream, head) => {
      if (/^websocket$/i.test(request.headers.upgrade ?? "")) this.#upgrade(request, stream, head);
      else serveWithoutUpgrade(server, request, stream, head);
    });
  }

  drain(): void {
    for (const session of this.#open) session.drain();
  }

  /** Ends all connections; the leases live on for as long as the store has confirmed them. */
  restart(): void {
    clearInterval(this.#looking);
    for (const session of this.#open) session.restart();
  }

  #upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    // A client that hangs up before its session has begun.
    const ignore = () => {};
    stream.on("error", ignore);
    let uncount: Uncount | undefined;
    try {
      const caller = this.#admit(request);
      uncount = this.#context.sessions.add(caller.name);
      const counted = uncount;
      stream.once("close", counted);
      this.#webSockets.handleUpgrade(request, stream, head, (socket) => {
        stream.off("error", ignore);
        this.#start(socket, request, stream, caller);
      });
    } catch (error) {
      uncount?.();
      answerByHand(stream, refusedUpgrade(this.#context, request, error));
    }
  }

  /** @throws HttpProblem */
  #admit(request: IncomingMessage): Caller {
    const caller = this.#context.access.admit(request);
    const path = request.url?.split("?", 1)[0];
    if (path !== SESSION_PATH) throw new HttpProblem("NOT_FOUND", `there is no session at ${path}`);
    requireScope(caller, "use");
    const offered = request.headers["sec-websocket-protocol"]?.split(",").map((name) => name.trim());
    if (!offered?.includes(SUBPROTOCOL)) {
      throw new HttpProblem("UPGRADE_REQUIRED", `the subprotocol must be ${SUBPROTOCOL}`, {}, upgradeHeaders);
    }
    if (this.#context.draining) throw drainingProblem();
    return caller;
  }

  #start(socket: WebSocket, request: IncomingMessage, stream: Duplex, caller: Caller): void {
    const isLoopback = isDirectLoopback(request);
    const session: Session = new Session({
      socket,
      stream,
      context: this.#context,
      caller,
      address: request.socket.remoteAddress ?? "unknown",
      isLoopback,
      onEnd: (ending) => this.#ended(session, caller, ending),
    });
    this.#open.add(session);
    request.socket.once(
      "close",
      this.#context.access.watch(caller, "use", () => session.cut()),
    );
    if (!isLoopback) this.#context.vanishedHosts.watch(request.socket, (silentMs) => session.cut(silentMs));
    this.#context.metrics.sessions(this.#open.size);
    // In a sidecar that was stopped the timer comes before what has arrived meanwhile, which is read first.
    this.#looking ??= setInterval(() => setImmediate(() => this.#look()), LOOK_MS).unref();
    // It may have begun to drain between the upgrade and here.
    if (this.#context.draining) session.drain();
  }

  #ended(session: Session, caller: Caller, ending: Ending): void {
    this.#open.delete(session);
    this.#context.metrics.sessions(this.#open.size);
    const { leases } = session;
    const entry = { caller: caller.name, ending, leases };
    if (ending === "goodbye" || leases === 0) this.#context.log.debug("a session has ended", entry);
    else this.#context.log.info("a session has ended and left leases behind", entry);
    if (this.#open.size > 0) return;
    clearInterval(this.#looking);
    this.#looking = undefined;
  }

  #look(): void {
    for (const session of this.#open) {
      if (session.silentMs > DEAD_AFTER_MS) session.cut();
      else if (session.silentMs > PING_AFTER_MS) session.ping();
    }
  }
}

export const upgradeHeaders = { upgrade: "websocket", connection: "upgrade" };
