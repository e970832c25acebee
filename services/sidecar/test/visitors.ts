import { connect, type Socket } from "node:net";
import { SUBPROTOCOL } from "@sluice/client/shapes";
import { WebSocket } from "ws";
import { reset } from "./reset.js";

/** A caller that asks for permits once, and leaves when it is told to. */
export interface Visitor {
  /** Resolves when the sidecar has answered it, or the connection has ended. */
  readonly answered: Promise<void>;
  readonly closed: Promise<void>;
  /** Ends the connection in one of several manners. @param choice from 0 (inclusive) to 1 (exclusive) */
  leave(choice: number): void;
}

/** Every way to ask for permits of `api`. */
export const visits = {
  plain: (url: string, body: object) => visitByHttp(url, "acquire", body),
  named: (url: string, body: object, index: number) =>
    visitByHttp(url, "acquire", body, `idempotency-key: visit-${index}\r\n`),
  hold: (url: string, body: object) => visitByHttp(url, "hold", body),
  session: (url: string, body: object) => visitBySession(url, body),
} as const satisfies Record<string, (url: string, body: object, index: number) => Visitor>;

function visitByHttp(url: string, call: string, body: object, header = ""): Visitor {
  const { hostname, port, host } = new URL(url);
  const payload = JSON.stringify(body);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => {});
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  const answered = new Promise<void>((resolve) => socket.once("data", () => resolve()));
  socket.write(
    `POST /v1/semaphores/api/${call} HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json\r\n` +
      `${header}content-length: ${Buffer.byteLength(payload)}\r\n\r\n${payload}`,
  );
  return { closed, answered: Promise.race([answered, closed]), leave: (choice) => end(socket, choice) };
}

function end(socket: Socket, choice: number): void {
  if (choice < 0.4) socket.destroy();
  else if (choice < 0.8) reset(socket);
  else socket.end();
}

function visitBySession(url: string, body: object): Visitor {
  const socket = new WebSocket(`${url.replace(/^http/, "ws")}/v1/session`, SUBPROTOCOL);
  socket.on("error", () => {});
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  const answered = new Promise<void>((resolve) =>
    socket.on("message", (data) => {
      if (data.toString().startsWith('{"id":')) resolve();
    }),
  );
  const message = JSON.stringify({ id: 1, op: "acquire", semaphore: "api", ...body });
  socket.once("open", () => socket.send(message));
  return {
    closed,
    answered: Promise.race([answered, closed]),
    leave: (choice) => endSession(socket, choice),
  };
}

function endSession(socket: WebSocket, choice: number): void {
  if (choice < 0.4 || socket.readyState !== WebSocket.OPEN) socket.terminate();
  else socket.close(choice < 0.8 ? 1000 : 4000);
}
