import type { RedisClient } from "./client.js";

/**
 * Ends the connection of a client of ours, which then makes another one. A connection that is dead ends seconds after it
 * was asked to, and many find out meanwhile: it is asked once.
 */
export class Reconnection {
  readonly #client: RedisClient;
  #isUnderWay = false;

  constructor(client: RedisClient) {
    this.#client = client;
    client.on("close", this.#done);
    // One that was asked between two connections has had none to close.
    client.on("connect", this.#done);
  }

  begin(): void {
    if (this.#isUnderWay) return;
    this.#isUnderWay = true;
    this.#client.disconnect(true);
  }

  close(): void {
    this.#client.off("close", this.#done);
    this.#client.off("connect", this.#done);
  }

  readonly #done = (): void => {
    this.#isUnderWay = false;
  };
}
