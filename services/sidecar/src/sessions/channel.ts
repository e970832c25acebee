import type { Duplex } from "node:stream";
import type { ServerEvent } from "@sluice/client/shapes";
import type { WebSocket } from "ws";

/** What may lie unsent for a peer before it is taken for one that does not read. */
const MAX_BACKLOG_BYTES = 1_048_576;

/** What a sidecar says in a session. Messages of one turn of the loop go out in one write. */
export class Channel {
  readonly #socket: WebSocket;
  readonly #stream: Duplex;
  readonly #onOverrun: () => void;
  #corked = false;

  /** @param onOverrun called when the peer has not read for too long; it gets nothing more */
  constructor(socket: WebSocket, stream: Duplex, onOverrun: () => void) {
    this.#socket = socket;
    this.#stream = stream;
    this.#onOverrun = onOverrun;
  }

  tell(event: ServerEvent): void {
    this.#send(event);
  }

  answer(id: string | number, body: object): void {
    this.#send({ id, ok: true, ...body });
  }

  /** @param id null where the request could not be read */
  refuse(id: string | number | null, problem: object): void {
    this.#send({ id, ok: false, problem });
  }

  #send(message: object): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    this.#cork();
    this.#socket.send(JSON.stringify(message));
    this.requireReader();
  }

  /** Cuts a client off that does not read what is sent to it. */
  requireReader(): void {
    if (this.#stream.writableLength > MAX_BACKLOG_BYTES) this.#onOverrun();
  }

  #cork(): void {
    if (this.#corked) return;
    this.#corked = true;
    this.#stream.cork();
    setImmediate(() => {
      this.#corked = false;
      this.#stream.uncork();
    });
  }
}
