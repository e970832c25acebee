import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** Carries what comes between the two ends of a connection. Where one of them has closed, the other one is closed. */
export type Carry = (caller: Socket, sidecar: Socket) => void;

/** Stands between callers and sidecars: each new connection goes to the one that is its `target` then. */
export class TcpProxy {
  target: string;
  readonly #server: Server;
  readonly #callers = new Set<Socket>();

  /** @param carry all that comes, both ways, when left out */
  constructor(target: string, carry: Carry = carryAll) {
    this.target = target;
    this.#server = createServer((caller) => this.#connect(caller, carry));
  }

  async listen(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Cuts what is still connected. */
  async close(): Promise<void> {
    this.#server.close();
    for (const caller of this.#callers) caller.destroy();
    await once(this.#server, "close");
  }

  #connect(caller: Socket, carry: Carry): void {
    const { hostname, port } = new URL(this.target);
    const sidecar = connect(Number(port), hostname);
    this.#callers.add(caller);
    caller
      .on("error", () => {})
      .on("close", () => {
        this.#callers.delete(caller);
        sidecar.destroy();
      });
    sidecar.on("error", () => {}).on("close", () => caller.destroy());
    carry(caller, sidecar);
  }
}

export function carryAll(caller: Socket, sidecar: Socket): void {
  caller.pipe(sidecar);
  sidecar.pipe(caller);
}
