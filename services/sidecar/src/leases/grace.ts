import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { CLIENT_END_HEADER } from "@sluice/client/shapes";
import { isLoopbackAddress } from "../access/loopback.js";

/** Long enough for a client that is alive to hear of the end and to stop believing, where the kernel tells both. */
export const LOOPBACK_GRACE_MS = 20;

/** What proxies add to a request. Behind one, the two ends of a session do not hear of its end at once. */
const proxyHeaders = ["forwarded", "x-forwarded-for", "x-forwarded-proto", "x-real-ip", "via"];

/** Whether one kernel carries the whole connection, and tells both ends of its end at once. */
export function isDirectLoopback({ socket, headers }: IncomingMessage): boolean {
  if (proxyHeaders.some((name) => headers[name] !== undefined)) return false;
  if (!isLoopbackAddress(socket.remoteAddress) || !isLoopbackAddress(socket.localAddress)) return false;
  const told = headers[CLIENT_END_HEADER];
  // A tunnel (ssh -L, socat) leaves no header, but has another end than its client, and mostly another port.
  return told === undefined ? isAskedHere(headers.host, socket) : told === endOf(socket);
}

function isAskedHere(host: string | undefined, { localPort }: Socket): boolean {
  return host !== undefined && new URL(`http://${host}`).port === (localPort === 80 ? "" : String(localPort));
}

function endOf({ remoteAddress = "", remotePort }: Socket): string {
  return `${remoteAddress.replace(/^::ffff:/, "")}:${remotePort}`;
}
