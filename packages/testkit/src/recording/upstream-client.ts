import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** A worker's connection to the witness, see `startUpstream`. */
export class UpstreamClient {
  readonly #socket: Socket;
  /** The answers come in the order of the lines. */
  readonly #unanswered: (() => void)[] = [];

  static async connect(place: { readonly host: string; readonly port: number }): Promise<UpstreamClient> {
    const socket = connect(place);
    await once(socket, "connect");
    return new UpstreamClient(socket);
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (answers) => {
      for (const resolve of this.#unanswered.splice(0, answers.length)) resolve();
    });
  }

  /** Resolves when the witness has counted it. */
  begin(permits: number): Promise<void> {
    return this.#say(`+${permits}`);
  }

  end(permits: number): Promise<void> {
    return this.#say(`-${permits}`);
  }

  close(): void {
    this.#socket.destroy();
  }

  #say(line: string): Promise<void> {
    return new Promise((resolve) => {
      this.#unanswered.push(resolve);
      this.#socket.write(`${line}\n`);
    });
  }
}
