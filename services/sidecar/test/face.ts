import { once } from "node:events";
import type { RequestListener, Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createHttpServer, type HttpServerOptions } from "../src/http/server.js";

/** An app that listens on a free port of loopback. */
export class Face {
  readonly url: string;
  readonly server: Server;
  readonly #end: () => void;

  private constructor(server: Server, url: string, end: () => void) {
    this.server = server;
    this.url = url;
    this.#end = end;
  }

  /** @param end called before it closes */
  static async listen(
    listener: RequestListener,
    end: () => void = () => {},
    options: HttpServerOptions = {},
  ): Promise<Face> {
    const server = createHttpServer(listener, options);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const scheme = options.tls === undefined ? "http" : "https";
    return new Face(server, `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`, end);
  }

  async close(): Promise<void> {
    this.#end();
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, "close");
  }
}
