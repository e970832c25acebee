import type { Response } from "express";
import type { Listener } from "./feed.js";

/** What may lie unsent for a listener before it is taken for one that does not read. */
const MAX_BACKLOG_BYTES = 4_194_304;

/** Who does not read what is left in this time is not waited for. */
const END_PATIENCE_MS = 1_000;

/** One who listens over HTTP, in the form of server-sent events. */
export class EventStream implements Listener {
  readonly #response: Response;

  /** Sends the headers at once. */
  constructor(response: Response) {
    this.#response = response;
    response.writeHead(200, { "content-type": "text/event-stream", "x-accel-buffering": "no" });
    response.flushHeaders();
  }

  /** A text of any size is sent to whoever has read the ones before it. */
  send(text: string): void {
    if (this.#response.destroyed || this.#response.writableEnded) return;
    if (this.#response.writableLength > MAX_BACKLOG_BYTES) this.#response.destroy();
    else this.#response.write(text);
  }

  /** Ends it in order, which a reader can tell from a connection that broke off; without the reader if it does not read. */
  end(): void {
    const response = this.#response;
    response.end();
    const cut = setTimeout(() => response.destroy(), END_PATIENCE_MS).unref();
    response.once("close", () => clearTimeout(cut));
  }
}
