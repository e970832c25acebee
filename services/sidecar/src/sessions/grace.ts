import type { IncomingMessage } from "node:http";
import { isLoopbackAddress } from "../access/loopback.js";

/** Long enough for a client that is alive to hear of the end and to stop believing, where the kernel tells both. */
export const LOOPBACK_GRACE_MS = 20;

/** What proxies add to a request. Behind one, the two ends of a session do not hear of its end at once. */
const proxyHeaders = ["forwarded", "x-forwarded-for", "x-forwarded-proto", "x-real-ip", "via"];

/** Whether one kernel carries the whole connection, and tells both ends of its end at once. */
export function isDirectLoopback({ socket, headers }: IncomingMessage): boolean {
  if (proxyHeaders.some((name) => headers[name] !== undefined)) return false;
  return isLoopbackAddress(socket.remoteAddress) && isLoopbackAddress(socket.localAddress);
}
