import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer, type Server, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { monotonicMs } from "../history/clock.js";

/**
 * Starts a witness that knows nothing of semaphores: workers tell it when they begin and end a piece of work (`+2`
 * and `-2`, a line each, for 2 permits' worth), and it answers each line. It counts what is under way. A connection
 * that ends takes its work with it.
 *
 * A worker ends its work before it releases, and waits for the answer. So what the witness counts at once was believed
 * in at once, unless somebody worked on without a lease.
 *
 * @param host to listen at; loopback when left out
 */
export async function startUpstream(host = "127.0.0.1"): Promise<Upstream> {
  const server = createServer();
  const upstream = new Upstream(server, host);
  server.listen(0, host);
  await once(server, "listening");
  return upstream;
}

export class Upstream {
  readonly host: string;
  /** The most work that was under way at once, in permits. */
  highest = 0;
  /** When it was that much, on the host's clock. */
  highestAt = 0;
  /** How many pieces of work were begun. */
  begun = 0;
  #running = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  /** Use `startUpstream`. */
  constructor(server: Server, host: string) {
    this.host = host;
    this.#server = server;
    server.on("connection", (socket) => this.#serve(socket));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** What is under way now, in permits. */
  get running(): number {
    return this.#running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  #serve(socket: Socket): void {
    let own = 0;
    this.#sockets.add(socket);
    const lines = createInterface({ input: socket }).on("line", (line) => {
      own += Number(line);
      this.#count(Number(line));
      socket.write("\n");
    });
    // Readers of lines tell errors of their input once more.
    lines.on("error", () => undefined);
    // A worker that was killed resets its connection.
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.#sockets.delete(socket);
      this.#running -= own;
    });
  }

  #count(permits: number): void {
    this.#running += permits;
    if (permits > 0) this.begun += 1;
    if (this.#running <= this.highest) return;
    this.highest = this.#running;
    this.highestAt = monotonicMs();
  }
}
