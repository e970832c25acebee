import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { type Drip, NetworkConditions } from "./conditions.js";
import type { ProxiedPush, ProxiedRequest } from "./conversation.js";
import type { Direction, PushFate, RequestFate } from "./fates.js";
import { ProxiedConnection } from "./proxied-connection.js";

/** A proxy on a free loopback port, in front of the Redis at `targetPort`. It changes nothing until it is told to. */
export async function startCutProxy(targetPort: number): Promise<CutProxy> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return new CutProxy(server, targetPort);
}

interface Ambush<Subject> {
  readonly matches: (subject: Subject) => boolean;
  readonly sprung: (subject: Subject) => void;
}

/** Faults between a client and Redis, placed between the very frames of the protocol. */
export class CutProxy {
  readonly port: number;
  readonly url: string;
  /** Asked about every request; the faults named by `cutNext` come first. */
  onRequest: (request: ProxiedRequest) => RequestFate = () => "pass";
  /** Asked about every published message; those named by `swallowNext` come first. */
  onPush: (push: ProxiedPush) => PushFate = () => "pass";
  /** While true, new connections are ended at once. */
  refusing = false;
  /** What has happened so far. */
  readonly counts = { connections: 0, requests: 0, replies: 0, cutBefore: 0, cutAfter: 0, swallowed: 0 };

  readonly #server: Server;
  #targetPort: number;
  readonly #open = new Set<ProxiedConnection>();
  readonly #conditions = new NetworkConditions();
  readonly #cuts: (Ambush<ProxiedRequest> & { readonly fate: RequestFate })[] = [];
  readonly #swallows: Ambush<ProxiedPush>[] = [];
  /** Requests that `cutNext` has chosen and whose connection is still to be cut. */
  readonly #chosen = new Map<ProxiedRequest, () => void>();

  /** Use `startCutProxy`. */
  constructor(server: Server, targetPort: number) {
    this.#server = server;
    this.#targetPort = targetPort;
    this.port = (server.address() as AddressInfo).port;
    this.url = `redis://127.0.0.1:${this.port}`;
    server.on("connection", (client) => this.#accept(client));
  }

  /** Connections that are open now. */
  get connections(): number {
    return this.#open.size;
  }

  /** Ends all connections, now; what is on its way is lost. New ones are accepted. */
  cutAll(): void {
    for (const connection of this.#open) connection.cut();
  }

  /** Ends the connections that are chosen by their number, as `cutAll` does. */
  cutSome(chosen: (connection: number) => boolean): void {
    for (const connection of this.#open) if (chosen(connection.id)) connection.cut();
  }

  /** Cuts the connection of the next request that `matches`. Resolves with the request once it is cut. */
  cutNext(
    fate: Exclude<RequestFate, "pass">,
    matches: (request: ProxiedRequest) => boolean = () => true,
  ): Promise<ProxiedRequest> {
    return new Promise((resolve) => {
      const sprung = (request: ProxiedRequest) => this.#chosen.set(request, () => resolve(request));
      this.#cuts.push({ fate, matches, sprung });
    });
  }

  /** Drops the next published message that `matches`. Resolves with it once it is dropped. */
  swallowNext(matches: (push: ProxiedPush) => boolean = () => true): Promise<ProxiedPush> {
    return new Promise((sprung) => this.#swallows.push({ matches, sprung }));
  }

  /** Leads new connections to the server at `targetPort`. Those that are open stay where they are, until `cutAll`. */
  redirect(targetPort: number): void {
    this.#targetPort = targetPort;
  }

  /** From now on delivers what goes in this direction `delayMs` late, in order. */
  delay(direction: Direction, delayMs: number): void {
    this.#conditions[direction].delayMs = delayMs;
  }

  /** From now on lets frames through a few bytes at a time, so that both ends see them in pieces. */
  drip(direction: Direction, drip: Drip): void {
    this.#conditions[direction].drip = drip;
  }

  /** Delivers nothing in this direction, nor the end of a connection, until `heal`: as a network that is gone. */
  blackhole(direction: Direction): void {
    this.#conditions[direction].blackholed = true;
  }

  /** Ends delays, drips and black holes; what they held back is delivered, in order. */
  heal(): void {
    this.#conditions.heal();
    for (const connection of this.#open) connection.deliver();
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

  #accept(client: Socket): void {
    if (this.refusing) {
      client.destroy();
      return;
    }
    this.counts.connections += 1;
    const connection = new ProxiedConnection(this.counts.connections, client, this.#targetPort, {
      conditions: this.#conditions,
      requestFate: (request) => this.#requestFate(request),
      pushFate: (push) => this.#pushFate(push),
      replied: () => {
        this.counts.replies += 1;
      },
      cut: (request, fate) => this.#hasCut(request, fate),
      closed: () => this.#open.delete(connection),
    });
    this.#open.add(connection);
  }

  #requestFate(request: ProxiedRequest): RequestFate {
    this.counts.requests += 1;
    return spring(this.#cuts, request)?.fate ?? this.onRequest(request);
  }

  #pushFate(push: ProxiedPush): PushFate {
    const fate = spring(this.#swallows, push) ? "swallow" : this.onPush(push);
    if (fate === "swallow") this.counts.swallowed += 1;
    return fate;
  }

  #hasCut(request: ProxiedRequest, fate: RequestFate): void {
    this.counts[fate === "cut-before" ? "cutBefore" : "cutAfter"] += 1;
    this.#chosen.get(request)?.();
    this.#chosen.delete(request);
  }
}

/** Takes the first ambush that waits for `subject` out of the list. */
function spring<Subject, Kind extends Ambush<Subject>>(ambushes: Kind[], subject: Subject): Kind | undefined {
  const index = ambushes.findIndex((ambush) => ambush.matches(subject));
  if (index < 0) return undefined;
  const [ambush] = ambushes.splice(index, 1);
  ambush?.sprung(subject);
  return ambush;
}
