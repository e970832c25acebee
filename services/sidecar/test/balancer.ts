import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server } from "node:net";

/** Stands before sidecars as a load balancer does: each new connection goes to the one that is its `target` then. */
export class Balancer {
  target: string;
  readonly #server: Server;

  constructor(target: string) {
    this.target = target;
    this.#server = createServer((downstream) => {
      const { hostname, port } = new URL(this.target);
      const upstream = connect(Number(port), hostname);
      downstream.on("error", () => upstream.destroy()).pipe(upstream);
      upstream.on("error", () => downstream.destroy()).pipe(downstream);
    });
  }

  async listen(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.close();
  }
}
