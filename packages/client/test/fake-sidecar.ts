import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { AcquireAnswer, ProblemCode } from "../src/shapes.js";
import { FakeSessions } from "./fake-sessions.js";

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Record<string, unknown>;
  readonly response: ServerResponse;
  /** The number of the connection that it came by. */
  readonly connection: number;
}

export type Answer = (asked: Asked) => void;

/** A server that answers as a test tells it to, one request after the other; the last answer goes for all that follow. */
export class FakeSidecar {
  readonly asked: Asked[] = [];
  /** What it makes of upgrades. */
  readonly sessions: FakeSessions;
  readonly #server: Server;
  readonly #answers: Answer[];
  readonly #connections = new Map<unknown, number>();

  constructor(...answers: Answer[]) {
    this.#answers = answers;
    this.#server = createServer(async (request, response) => {
      let text = "";
      for await (const chunk of request.setEncoding("utf8")) text += chunk;
      const { method = "", url: path = "", headers, socket } = request;
      const connection = this.#connections.get(socket) ?? this.#connections.size;
      this.#connections.set(socket, connection);
      const asked = { method, path, headers, body: text ? JSON.parse(text) : {}, response, connection };
      const answer = this.#answers.length > 1 ? this.#answers.shift() : this.#answers[0];
      this.asked.push(asked);
      answer?.(asked);
    });
    this.sessions = new FakeSessions(this.#server);
  }

  /** On a port of its own, or on the given one. */
  async listen(port = 0): Promise<string> {
    this.#server.listen(port, "127.0.0.1");
    await once(this.#server, "listening");
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** What each request asked for, without what tells the tries apart. */
  get bodies(): Record<string, unknown>[] {
    return this.asked.map(({ body }) => body);
  }

  async close(): Promise<void> {
    this.sessions.close();
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

export const json =
  (status: number, body: unknown, type = "application/json"): Answer =>
  ({ response }) => {
    response.writeHead(status, { "content-type": type }).end(JSON.stringify(body));
  };

export const problem = (status: number, code: ProblemCode, members: object = {}): Answer =>
  json(
    status,
    { type: "about:blank", title: "T", status, detail: `the detail of ${code}`, code, ...members },
    "application/problem+json",
  );

export const grant = (overrides: Partial<AcquireAnswer> = {}): Answer =>
  json(200, {
    lease: "granted-lease",
    semaphore: "api",
    permits: 1,
    fence: 7,
    leaseMs: 10_000,
    expiresInMs: 10_000,
    waitedMs: 0,
    limit: 3,
    ...overrides,
  });

export const timeout = problem(429, "ACQUIRE_TIMEOUT", { limit: 3 });

export const html =
  (status: number, text: string): Answer =>
  ({ response }) => {
    response.writeHead(status, { "content-type": "text/html" }).end(text);
  };

/** Takes the request, and cuts the connection. */
export const cut: Answer = ({ response }) => {
  response.destroy();
};

/** Takes the request, and never answers. */
export const silence: Answer = () => {};
