import { once } from "node:events";
import { type AddressInfo, createConnection, createServer, type Server, type Socket } from "node:net";
import { NetworkConditions } from "./conditions.js";
import type { Direction } from "./fates.js";
import { Lane } from "./lane.js";

/** A link on a free loopback port to whatever listens at `targetPort`. It changes nothing until it is told to. */
export async function startLink(targetPort: number): Promise<Link> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return new Link(server, targetPort);
}

/**
 * Faults between two programs that need not speak the protocol of clients, such as a replica and its master: it carries
 * bytes and knows no frames. `CutProxy` is the one that does.
 */
export class Link {
  readonly port: number;
  /** While true, new connections are ended at once. */
  refusing = false;
  readonly #server: Server;
  readonly #conditions = new NetworkConditions();
  readonly #open = new Set<LinkedPair>();

  /** Use `startLink`. */
  constructor(server: Server, targetPort: number) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on("connection", (client) => this.#accept(client, targetPort));
  }

  /** From now on delivers what goes in this direction `delayMs` late, in order. */
  delay(direction: Direction, delayMs: number): void {
    this.#conditions[direction].delayMs = delayMs;
  }

  /** Delivers nothing in this direction until `heal`. */
  blackhole(direction: Direction): void {
    this.#conditions[direction].blackholed = true;
  }

  /** Ends delays and black holes; what they held back is delivered, in order. */
  heal(): void {
    this.#conditions.heal();
    for (const pair of this.#open) pair.deliver();
  }

  /** Ends all connections, now; what is on its way is lost. */
  cutAll(): void {
    for (const pair of this.#open) pair.cut();
  }

  async close(): Promise<void> {
    this.refusing = true;
    this.#server.close();
    this.cutAll();
    await once(this.#server, "close");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #accept(client: Socket, targetPort: number): void {
    if (this.refusing) {
      client.destroy();
      return;
    }
    const pair = new LinkedPair(client, targetPort, this.#conditions, () => this.#open.delete(pair));
    this.#open.add(pair);
  }
}

/** A connection and its twin. */
class LinkedPair {
  readonly #sockets: readonly [Socket, Socket];
  readonly #lanes: readonly [Lane, Lane];
  #isCut = false;

  constructor(client: Socket, targetPort: number, conditions: NetworkConditions, closed: () => void) {
    const server = createConnection({ host: "127.0.0.1", port: targetPort, noDelay: true });
    client.setNoDelay(true);
    this.#sockets = [client, server];
    this.#lanes = [new Lane(server, conditions.toServer), new Lane(client, conditions.toClient)];
    this.#join(client, this.#lanes[0], closed);
    this.#join(server, this.#lanes[1], closed);
  }

  deliver(): void {
    for (const lane of this.#lanes) lane.deliver();
  }

  cut(): void {
    this.#isCut = true;
    for (const lane of this.#lanes) lane.drop();
    for (const socket of this.#sockets) socket.destroy();
  }

  #join(from: Socket, onward: Lane, closed: () => void): void {
    from.on("data", (chunk) => onward.send(chunk));
    // An error is followed by "close", which is what matters here.
    from.on("error", () => undefined);
    from.on("close", () => {
      if (!this.#isCut) onward.end();
      if (this.#sockets.every((socket) => socket.closed)) closed();
    });
  }
}
