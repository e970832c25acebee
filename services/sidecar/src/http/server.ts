import { createServer, type RequestListener, type Server } from "node:http";
import type { Duplex } from "node:stream";
import type { HttpProblem } from "./problem.js";
import { invalid } from "./problem-of.js";

const MAX_HEADER_BYTES = 16 * 1_024;

/**
 * A server that has patience with answers and none with requests: an acquire may wait for minutes, but a request must
 * have arrived within seconds.
 */
export function createHttpServer(listener: RequestListener): Server {
  const server = createServer(
    {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: 10_000,
      requestTimeout: 20_000,
      connectionsCheckingInterval: 5_000,
      // Longer than the minute for which load balancers keep a connection, so that it is they who close it.
      keepAliveTimeout: 65_000,
      // A caller whose host has vanished is noticed within half a minute, and leaves the queue.
      keepAlive: true,
      keepAliveInitialDelay: 10_000,
    },
    listener,
  );
  return server.on("clientError", refuse);
}

/** What cannot be read as HTTP never gets to the app, and is answered by hand. */
function refuse(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable || error.code === "ECONNRESET") return void socket.destroy();
  const problem = problemOf(error);
  const body = JSON.stringify(problem);
  socket.end(
    `HTTP/1.1 ${problem.status} ${problem.toJSON().title}\r\n` +
      `content-type: application/problem+json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}

function problemOf({ code, message }: NodeJS.ErrnoException): HttpProblem {
  if (code === "HPE_HEADER_OVERFLOW")
    return invalid("headers", `the headers must be at most ${MAX_HEADER_BYTES} bytes`);
  if (code === "ERR_HTTP_REQUEST_TIMEOUT")
    return invalid("request", "the request must arrive within 20 seconds");
  return invalid("request", `the request must be HTTP; ${message}`);
}
