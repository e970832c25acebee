import type { ClientRequest, IncomingMessage } from "node:http";
import type { Socket as NetSocket } from "node:net";
import { type ClientOptions, WebSocket } from "ws";
import { type Reply, readText, replyOf } from "../exchange.js";
import { CLIENT_END_HEADER, SUBPROTOCOL } from "../subprotocol.js";

/** The largest message of a sidecar is the answer to a claim of a thousand leases, about 0.2 MB. */
const MAX_MESSAGE_BYTES = 4 * 1_048_576;
/** A peer that has said goodbye, or heard it, ends the connection at once; one that does not is not waited for. */
const CLOSE_PATIENCE_MS = 1_000;
/** What came without a close frame. */
const ABNORMAL = 1006;

/** How a connection ended, or why there is none. */
export type End =
  /** It was open. `code` is the one that the peer gave. */
  | { readonly how: "closed"; readonly code: number; readonly cause: Error | undefined }
  /** Something answered, and not with a WebSocket. */
  | { readonly how: "refused"; readonly reply: Reply }
  | { readonly how: "failed"; readonly cause: Error };

export interface SocketListener {
  opened(): void;
  /** Something came from the peer, if only a ping. */
  heard(): void;
  /** Undefined: a message that is no text. */
  received(text: string | undefined): void;
  /** Called once, and nothing after it. */
  ended(end: End): void;
}

/** One WebSocket to a sidecar. What is sent in one turn of the loop goes out in one write. */
export class Socket {
  readonly #socket: WebSocket;
  readonly #listener: SocketListener;
  #stream: NetSocket | undefined;
  #keepsAlive = false;
  #corked = false;
  #ended = false;
  #opened = false;
  #cause: Error | undefined;

  constructor(url: URL, token: string | undefined, listener: SocketListener) {
    this.#listener = listener;
    this.#socket = new WebSocket(url, SUBPROTOCOL, this.#options(token));
    this.#socket.on("open", () => this.#open());
    this.#socket.on("message", (data, isBinary) => this.#receive(isBinary ? undefined : data.toString()));
    this.#socket.on("ping", () => this.#listener.heard());
    this.#socket.on("error", (error) => {
      this.#cause ??= error;
    });
    this.#socket.on("close", (code) => this.#close(code));
    this.#socket.on("unexpected-response", (_request, response) => void this.#refuse(response));
  }

  /** Nothing is sent once the connection has begun to end. */
  send(text: string): void {
    if (this.#ended || this.#socket.readyState !== WebSocket.OPEN) return;
    this.#cork();
    this.#socket.send(text);
  }

  /** Whether the process lives on while the connection does. */
  keepAlive(wanted: boolean): void {
    if (wanted === this.#keepsAlive) return;
    this.#keepsAlive = wanted;
    this.#applyKeepAlive();
  }

  /** Says why, and ends the connection. */
  close(code: number): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.close(code);
    else this.terminate(new Error("closed"));
  }

  /** Ends the connection, or the attempt at one, here and now. */
  terminate(cause: Error): void {
    if (this.#ended) return;
    this.#cause ??= cause;
    this.#close(ABNORMAL);
    this.#socket.terminate();
  }

  #options(token: string | undefined): ClientOptions {
    const options = {
      perMessageDeflate: false,
      maxPayload: MAX_MESSAGE_BYTES,
      closeTimeout: CLOSE_PATIENCE_MS,
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      finishRequest: (request: ClientRequest) => this.#request(request),
    };
    return options;
  }

  /** The request waits for the connection, to tell the sidecar which one it is at our end. */
  #request(request: ClientRequest): void {
    request.once("socket", (stream) => {
      this.#stream = stream;
      this.#applyKeepAlive();
      stream.once("connect", () => {
        request.setHeader(CLIENT_END_HEADER, `${stream.localAddress}:${stream.localPort}`);
        request.end();
      });
    });
  }

  #applyKeepAlive(): void {
    if (this.#keepsAlive) this.#stream?.ref();
    else this.#stream?.unref();
  }

  #open(): void {
    if (this.#ended) return;
    this.#opened = true;
    this.#listener.opened();
  }

  #receive(text: string | undefined): void {
    if (!this.#ended) this.#listener.received(text);
  }

  async #refuse(response: IncomingMessage): Promise<void> {
    try {
      const text = await readText(response);
      this.#end({ how: "refused", reply: replyOf(response, text, 0) });
    } catch (error) {
      this.#end({ how: "failed", cause: error as Error });
    }
    this.#socket.terminate();
  }

  #close(code: number): void {
    const cause = this.#cause;
    if (this.#opened) this.#end({ how: "closed", code, cause });
    else this.#end({ how: "failed", cause: cause ?? new Error("the connection ended before it was open") });
  }

  #end(end: End): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#listener.ended(end);
  }

  #cork(): void {
    if (this.#corked || this.#stream === undefined) return;
    const stream = this.#stream;
    this.#corked = true;
    stream.cork();
    // After everything that this turn's callbacks and their promises send.
    process.nextTick(() => {
      this.#corked = false;
      stream.uncork();
    });
  }
}
