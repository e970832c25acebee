import { createServer, type RequestListener, type Server, type ServerOptions } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Duplex } from "node:stream";
import { answerByHand } from "./by-hand.js";
import type { HttpProblem } from "./problem.js";
import { invalid } from "./problem-of.js";

const MAX_HEADER_BYTES = 16 * 1_024;

/**
 * Patience with answers and none with requests: an acquire may wait for minutes, but a request must have arrived within
 * seconds. How many connections there may be is left to the operating system: each one that waits is counted for its
 * client, and one that sends nothing is soon closed.
 */
const options: ServerOptions = {
  maxHeaderSize: MAX_HEADER_BYTES,
  headersTimeout: 10_000,
  requestTimeout: 20_000,
  connectionsCheckingInterval: 5_000,
  // Longer than the minute for which load balancers keep a connection, so that it is they who close it.
  keepAliveTimeout: 65_000,
  // A caller whose host has vanished is noticed within 13 seconds, after ten probes, and leaves the queue.
  keepAlive: true,
  keepAliveInitialDelay: 3_000,
  // The app answers a request without one itself, as a problem.
  requireHostHeader: false,
};

/** Of PEM, as they stand in their files. */
export interface Certificate {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
}

export interface HttpServerOptions {
  /** Left out: without TLS. */
  readonly tls?: Certificate | undefined;
}

export function createHttpServer(listener: RequestListener, { tls }: HttpServerOptions = {}): Server {
  const server = tls
    ? createTlsServer({ ...options, ...tls, minVersion: "TLSv1.2", handshakeTimeout: 10_000 }, listener)
    : createServer(options, listener);
  return server.on("clientError", refuse);
}

/** What cannot be read as HTTP never gets to the app, and is answered by hand. */
function refuse(error: NodeJS.ErrnoException, socket: Duplex): void {
  const problem = problemOf(error);
  if (problem === undefined || !socket.writable) return void socket.destroy();
  answerByHand(socket, problem);
}

/** Undefined where nobody reads an answer: the connection is broken, or never became one. */
function problemOf({ code = "", message }: NodeJS.ErrnoException): HttpProblem | undefined {
  if (code === "HPE_HEADER_OVERFLOW")
    return invalid("headers", `the headers must be at most ${MAX_HEADER_BYTES} bytes`);
  if (code === "ERR_HTTP_REQUEST_TIMEOUT")
    return invalid("request", "the request must arrive within 20 seconds");
  return code.startsWith("HPE_") ? invalid("request", `the request must be HTTP; ${message}`) : undefined;
}
