import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";

/** What offers another protocol, and no part of the request itself. */
const offers = new Set(["connection", "upgrade", "http2-settings"]);

/**
 * Serves a request as if it had not offered to change to another protocol, as RFC 9110 has it for servers that do not
 * know that protocol. Java's client offers HTTP/2 with its first request. Node hands over every offer once somebody
 * listens for upgrades, and the request has to be read anew.
 *
 * @param head what was read beyond the headers
 */
export function serveWithoutUpgrade(
  server: Server,
  { method, url, httpVersion, rawHeaders }: IncomingMessage,
  stream: Duplex,
  head: Buffer,
): void {
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? "";
    if (!offers.has(name.toLowerCase())) lines.push(`${name}: ${rawHeaders[index + 1]}`);
  }
  // Node reads the bytes of headers as Latin-1.
  stream.unshift(Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), head]));
  server.emit(stream instanceof TLSSocket ? "secureConnection" : "connection", stream);
}
