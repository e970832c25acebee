import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** How a connection fails, and when. */
export interface Failure {
  /** So long after it was made, unless an answer has come before. */
  readonly afterMs: number;
  /** So long after the first word of an answer. */
  readonly afterAnswerMs: number;
  /**
   * - both: both ends are told at once
   * - sidecar: the sidecar is told, and the caller a while later
   * - silence: neither end hears anything for a while, then both are told
   */
  readonly manner: "both" | "sidecar" | "silence";
}

/** How much later an end is told. */
const LATER_MS = 100;

/** A network between callers and a sidecar in which every connection fails. */
export class FrailNetwork {
  readonly #server: Server;

  /** @param nextFailure asked once for each connection */
  constructor(target: string, nextFailure: () => Failure) {
    const { hostname, port } = new URL(target);
    this.#server = createServer((caller) => {
      const sidecar = connect(Number(port), hostname);
      caller.on("error", () => {}).on("close", () => sidecar.destroy());
      sidecar.on("error", () => {}).on("close", () => caller.destroy());
      carry(caller, sidecar, nextFailure());
    });
  }

  async listen(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.close();
    await once(this.#server, "close");
  }
}

function carry(caller: Socket, sidecar: Socket, { afterMs, afterAnswerMs, manner }: Failure): void {
  caller.pipe(sidecar);
  sidecar.pipe(caller);
  const fail = () => failBy(manner, caller, sidecar);
  let failing = setTimeout(fail, afterMs);
  sidecar.once("data", () => {
    clearTimeout(failing);
    failing = setTimeout(fail, afterAnswerMs);
  });
}

function failBy(manner: Failure["manner"], caller: Socket, sidecar: Socket): void {
  caller.unpipe(sidecar).pause();
  sidecar.unpipe(caller).pause();
  // One end's close must not tell the other one yet.
  sidecar.removeAllListeners("close");
  if (manner !== "silence") sidecar.resetAndDestroy();
  if (manner === "both") caller.resetAndDestroy();
  else
    setTimeout(() => {
      caller.resetAndDestroy();
      sidecar.resetAndDestroy();
    }, LATER_MS);
}
