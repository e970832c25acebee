import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { until } from "@sluice/testkit";
import { type WebSocket, WebSocketServer } from "ws";
import type { ProblemCode, ServerEvent } from "../src/shapes.js";

/** So that nobody takes one clock for the other. */
const CLOCK_AHEAD_MS = 5_000_000;

export interface Said {
  readonly id: number;
  readonly op: string;
  readonly [field: string]: unknown;
}

/** One session, as a test plays the sidecar's part in it. Pings are answered at once, all else by the test. */
export class FakeSession {
  readonly said: Said[] = [];
  readonly headers: IncomingMessage["headers"];
  readonly path: string;
  /** The client's end of the connection, as this end sees it. */
  readonly clientEnd: string;
  /** The close code that the client gave; 1006 where it gave none. */
  endedWith: number | undefined;
  answersPings = true;
  /** Does with every other message what a test wants at once. */
  onMessage: (message: Said) => void = () => {};
  readonly #socket: WebSocket;

  constructor(socket: WebSocket, request: IncomingMessage) {
    this.#socket = socket;
    this.headers = request.headers;
    this.path = request.url ?? "";
    this.clientEnd = `${request.socket.remoteAddress}:${request.socket.remotePort}`;
    socket.on("message", (data) => this.#receive(JSON.parse(String(data))));
    socket.on("close", (code) => {
      this.endedWith = code;
    });
    socket.on("error", () => {});
  }

  /** The sidecar's clock. */
  get now(): number {
    return Math.floor(performance.now() + CLOCK_AHEAD_MS);
  }

  all(op: string): Said[] {
    return this.said.filter((message) => message.op === op);
  }

  /** The message with this number among those of its kind. */
  async heard(op: string, number = 1): Promise<Said> {
    const what = `${op} number ${number}`;
    return until(() => this.all(op)[number - 1], { what });
  }

  tell(event: ServerEvent): void {
    this.send(event);
  }

  valid(validForMs: number): void {
    this.tell({ event: "valid", at: this.now, validForMs });
  }

  answer({ id }: Said, body: object = {}): void {
    this.send({ id, ok: true, ...body });
  }

  refuse({ id }: Said, code: ProblemCode, members: object = {}): void {
    const detail = `the detail of ${code}`;
    this.send({
      id,
      ok: false,
      problem: { type: "about:blank", title: "T", status: 400, detail, code, ...members },
    });
  }

  grant(message: Said, overrides: object = {}): void {
    this.answer(message, {
      lease: `lease-of-${message.idempotencyKey}`,
      semaphore: message.semaphore,
      permits: message.permits,
      fence: 7,
      leaseMs: 10_000,
      expiresInMs: 10_000,
      waitedMs: 0,
      limit: 3,
      at: this.now,
      ...overrides,
    });
  }

  /** Answers a claim: every lease of it, alike. */
  claimed(message: Said, overrides: object = {}): void {
    const leases = (message.leases as { semaphore: string; lease: string }[]).map(({ semaphore, lease }) => ({
      semaphore,
      lease,
      claimed: true,
      expiresInMs: 10_000,
      ...overrides,
    }));
    this.answer(message, { at: this.now, leases });
  }

  send(message: object): void {
    this.sendRaw(JSON.stringify(message));
  }

  sendRaw(text: string): void {
    this.#socket.send(text);
  }

  /** Ends the connection without a word. */
  cut(): void {
    this.#socket.terminate();
  }

  close(code: number): void {
    this.#socket.close(code);
  }

  #receive(message: Said): void {
    this.said.push(message);
    if (message.op !== "ping") this.onMessage(message);
    else if (this.answersPings) this.answer(message, { at: this.now });
  }
}

/** The sessions of a fake sidecar, in the order of their opening. */
export class FakeSessions {
  readonly opened: FakeSession[] = [];
  /** How many upgrades were asked for. */
  attempts = 0;
  graceMs = 10_000;
  /** The name of this run of the sidecar. */
  sidecar: string | undefined;
  /** Called with each new session, before anything is said in it. */
  onOpen: (session: FakeSession) => void = () => {};
  /** Does something else than to take an upgrade. */
  refusal: ((stream: Duplex) => void) | undefined;
  readonly #webSockets = new WebSocketServer({ noServer: true, handleProtocols: () => "sluice.v1" });

  constructor(server: Server) {
    server.on("upgrade", (request, stream, head) => {
      this.attempts += 1;
      stream.on("error", () => {});
      if (this.refusal !== undefined) this.refusal(stream);
      else this.#webSockets.handleUpgrade(request, stream, head, (socket) => this.#open(socket, request));
    });
  }

  /** The session with this number, when it is open. */
  async open(number = 1): Promise<FakeSession> {
    return until(() => this.opened[number - 1], { what: `session number ${number}` });
  }

  close(): void {
    for (const session of this.opened) session.cut();
  }

  #open(socket: WebSocket, request: IncomingMessage): void {
    const session = new FakeSession(socket, request);
    this.opened.push(session);
    this.onOpen(session);
    session.tell({
      event: "session",
      session: `s${this.opened.length}`,
      graceMs: this.graceMs,
      ...(this.sidecar !== undefined && { sidecar: this.sidecar }),
    });
  }
}

/** An answer to an upgrade that is none. */
export const upgradeAnswer =
  (status: string, body: string, type = "text/plain") =>
  (stream: Duplex): void => {
    stream.end(
      `HTTP/1.1 ${status}\r\ncontent-type: ${type}\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
    );
  };

export const upgradeProblem = (status: string, code: ProblemCode) => {
  const body = JSON.stringify({ type: "about:blank", title: "T", status: 400, detail: `of ${code}`, code });
  return upgradeAnswer(status, body, "application/problem+json");
};
