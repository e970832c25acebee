import type { Response } from "express";
import type { Listener } from "./feed.js";

/** What may lie unsent for a listener before it is taken for one that does not read. */
const MAX_BACKLOG_BYTES = 4_194_304;

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

  end(): void {
    this.#response.end();
  }
}
