import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** A caller at the level of the socket, which can leave at any moment. */
export class RawCaller {
  readonly #socket: Socket;
  #received = "";

  /** Connects, and sends one POST. */
  constructor(url: string, path: string, body: unknown, headers: Readonly<Record<string, string>> = {}) {
    const { hostname, port, host } = new URL(url);
    const payload = JSON.stringify(body);
    const lines = [
      `POST ${path} HTTP/1.1`,
      `host: ${host}`,
      "content-type: application/json",
      `content-length: ${Buffer.byteLength(payload)}`,
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ];
    this.#socket = connect(Number(port), hostname);
    this.#socket.on("error", () => {});
    this.#socket.on("data", (chunk) => {
      this.#received += chunk;
    });
    this.#socket.write(`${lines.join("\r\n")}\r\n\r\n${payload}`);
  }

  /** Everything that has come so far. */
  get received(): string {
    return this.#received;
  }

  /** Ends the connection as a killed process does. */
  hangUp(): void {
    this.#socket.destroy();
  }

  /** Resolves when the request has left. */
  async connected(): Promise<void> {
    if (this.#socket.connecting) await once(this.#socket, "connect");
  }

  async closed(): Promise<void> {
    if (!this.#socket.closed) await once(this.#socket, "close");
  }
}
