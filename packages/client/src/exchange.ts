import http, { type ClientRequest, type IncomingMessage, type RequestOptions } from "node:http";
import https from "node:https";
import { urlToHttpOptions } from "node:url";
import { Unreachable } from "./unreachable.js";

export interface Call {
  readonly method: "GET" | "PUT" | "PATCH" | "POST" | "DELETE";
  /** Below the URL of the sidecar, with its query. */
  readonly path: string;
  readonly body?: unknown;
  readonly idempotencyKey?: string;
  /** How long the whole exchange may take. */
  readonly timeoutMs: number;
  /** Hangs up. */
  readonly signal?: AbortSignal | undefined;
}

export interface Reply {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
  /** Monotonic time just before the request was sent. */
  readonly sentAt: number;
}

/** Shorter than the 65 s for which the sidecar keeps an idle connection, so that it is we who close it. */
const IDLE_CONNECTION_MS = 30_000;

/** Failures that come before a byte of the request has left. */
export const notSent: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EADDRNOTAVAIL",
]);

/** Carries requests to one sidecar over connections that are kept. Idle ones keep no process alive. */
export class Exchange {
  readonly #request: typeof http.request;
  readonly #agent: http.Agent;
  readonly #target: RequestOptions;
  readonly #basePath: string;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(url: URL, token: string | undefined) {
    const { request, Agent } = url.protocol === "https:" ? https : http;
    this.#request = request;
    // Every waiting acquire occupies a connection, so their number must not be bounded here.
    this.#agent = new Agent({ keepAlive: true, timeout: IDLE_CONNECTION_MS });
    const { protocol, hostname, port } = urlToHttpOptions(url);
    this.#target = { protocol, hostname, port, agent: this.#agent };
    this.#basePath = url.pathname.replace(/\/$/, "");
    this.#headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  }

  /** @throws Unreachable when no whole answer came */
  send(call: Call): Promise<Reply> {
    const { method, path, timeoutMs, signal } = call;
    const payload = call.body === undefined ? undefined : JSON.stringify(call.body);
    return new Promise((resolve, reject) => {
      const sentAt = performance.now();
      const request = this.#request({
        ...this.#target,
        method,
        path: this.#basePath + path,
        headers: this.#headersOf(call, payload),
        ...(signal && { signal }),
      });
      const giveUp = () => request.destroy(new Overdue(timeoutMs));
      // In a turn of its own: a loop that was blocked has read by then what had arrived, and the request is closed.
      const patience = setTimeout(() => setImmediate(giveUp), timeoutMs);
      const fail = (error: Error) => reject(unreachable(error, request));
      request.once("error", fail);
      request.once("close", () => clearTimeout(patience));
      request.once("response", (response) => {
        readText(response).then((text) => resolve(replyOf(response, text, sentAt)), fail);
      });
      request.end(payload);
    });
  }

  /** Cuts every connection. */
  close(): void {
    this.#agent.destroy();
  }

  #headersOf({ idempotencyKey }: Call, payload: string | undefined): Record<string, string | number> {
    return {
      ...this.#headers,
      ...(payload !== undefined && {
        "content-type": "application/json",
        "content-length": Buffer.byteLength(payload),
      }),
      ...(idempotencyKey !== undefined && { "idempotency-key": idempotencyKey }),
    };
  }
}

export async function readText(response: IncomingMessage): Promise<string> {
  response.setEncoding("utf8");
  let text = "";
  for await (const chunk of response) text += chunk;
  return text;
}

export function replyOf(response: IncomingMessage, text: string, sentAt: number): Reply {
  const contentType = response.headers["content-type"] ?? "";
  return { status: response.statusCode ?? 0, contentType, text, sentAt };
}

class Overdue extends Error {
  constructor(timeoutMs: number) {
    super(`no answer within ${Math.round(timeoutMs)} ms`);
  }
}

function unreachable(error: NodeJS.ErrnoException, request: ClientRequest): Unreachable {
  const code = error.code ?? "";
  return new Unreachable(error.message || code, {
    cause: error,
    mayHaveArrived: !notSent.has(code),
    stale: request.reusedSocket && (code === "ECONNRESET" || code === "EPIPE"),
    overdue: error instanceof Overdue,
  });
}
