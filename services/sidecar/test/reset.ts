import type { Socket } from "node:net";

/**
 * Ends a connection as a killed host does, with a reset; with a plain close where its own end is on its way already.
 *
 * The system refuses a reset while the end is sent, and Node then closes nothing: neither end would ever hear of it.
 */
export function reset(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}
