import { createServer, type RequestListener, type Server, type ServerOptions } from "node:http";
import { createServer as createTlsServer, Server as HttpsServer } from "node:https";
import type { Duplex } from "node:stream";
import type { SecureContextOptions } from "node:tls";
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
  /** Told of each request that cannot be read: it never gets to the app. */
  readonly onUnreadable?: (problem: HttpProblem, stream: Duplex) => void;
}

export function createHttpServer(
  listener: RequestListener,
  { tls, onUnreadable }: HttpServerOptions = {},
): Server {
  const server = tls
    ? createTlsServer({ ...options, ...secureContext(tls), handshakeTimeout: 10_000 }, listener)
    : createServer(options, listener);
  return server.on("clientError", (error, socket) => refuse(error, socket, onUnreadable));
}

/** Connections from now on are shown this certificate; nothing happens without TLS. */
export function useCertificate(server: Server, certificate: Certificate): void {
  if (server instanceof HttpsServer) server.setSecureContext(secureContext(certificate));
}

/** Whole: what a new one leaves out falls back to the defaults of Node, which its flags can lower. */
function secureContext({ cert, key }: Certificate): SecureContextOptions {
  return { cert, key, minVersion: "TLSv1.2" };
}

/** What cannot be read as HTTP is answered by hand. */
function refuse(
  error: NodeJS.ErrnoException,
  socket: Duplex,
  onUnreadable: HttpServerOptions["onUnreadable"],
): void {
  const problem = problemOf(error);
  if (problem !== undefined) onUnreadable?.(problem, socket);
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
