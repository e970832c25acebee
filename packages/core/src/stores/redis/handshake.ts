import type { RedisClient } from "./client.js";

/** How long a client may take to become ready after it has connected. */
const handshakeMs = 5_000;

/**
 * Ends each connection of a client of ours that is made and does not become ready: the client asks the server whether it
 * is, and would wait for an answer without end.
 */
export class Handshake {
  readonly #client: RedisClient;
  #patience: NodeJS.Timeout | undefined;

  constructor(client: RedisClient) {
    this.#client = client;
    client.on("connect", this.#begin);
  }

  close(): void {
    clearTimeout(this.#patience);
    this.#client.off("connect", this.#begin);
  }

  readonly #begin = (): void => {
    clearTimeout(this.#patience);
    this.#patience = setTimeout(() => {
      if (this.#client.status !== "ready") this.#client.disconnect(true);
    }, handshakeMs);
    this.#patience.unref();
  };
}
