import { connect } from "node:net";
import { SUBPROTOCOL } from "@sluice/client/shapes";
import { reset } from "../reset.js";

/** How a peer ends: with its side of the connection, without a word, or with a reset. */
export const endings = ["end", "destroy", "reset"] as const;

export type Ending = (typeof endings)[number];

/** A connection that the other end keeps open after its peer has ended is a fault. */
const PATIENCE_MS = 10_000;

/**
 * Sends bytes in two pieces, ends, and returns all that came back.
 *
 * @param hello sent first; the rest follows when it is answered
 * @throws Error where the connection is not closed within 10 s of its end
 */
export function send(url: string, bytes: Buffer, ending: Ending, hello?: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let text = "";
  let greeted = hello === undefined;
  const rest = () => {
    socket.write(bytes.subarray(0, bytes.length >> 1));
    setImmediate(() => {
      socket.write(bytes.subarray(bytes.length >> 1));
      end();
    });
  };
  const end = () => {
    if (ending === "end") socket.end();
    else if (ending === "destroy") socket.destroySoon();
    else setImmediate(() => reset(socket));
  };
  return new Promise((resolve, reject) => {
    const impatient = setTimeout(() => {
      socket.destroy();
      reject(new Error(`the connection was not closed; so far came ${JSON.stringify(text)}`));
    }, PATIENCE_MS);
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      if (greeted || !text.includes("\r\n\r\n")) return;
      greeted = true;
      rest();
    });
    socket.once("close", () => {
      clearTimeout(impatient);
      resolve(text);
    });
    if (hello === undefined) rest();
    else socket.write(hello);
  });
}

/** The upgrade that begins a session. */
export function upgrade(url: string): string {
  return [
    "GET /v1/session HTTP/1.1",
    `host: ${new URL(url).host}`,
    "connection: Upgrade",
    "upgrade: websocket",
    "sec-websocket-version: 13",
    "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
    `sec-websocket-protocol: ${SUBPROTOCOL}`,
    "\r\n",
  ].join("\r\n");
}

/** The statuses of all answers in it. */
export function statusesIn(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
}
