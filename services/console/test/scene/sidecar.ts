import { freePort, type NodeProcess, spawnNode, until } from "@sluice/testkit";

const main = new URL("../../../sidecar/dist/main.js", import.meta.url);

export type Environment = Readonly<Record<string, string>>;

/** A sidecar as people start it, with its console, at a port that it keeps when it is started again. */
export class Sidecar {
  readonly url: string;
  readonly #environment: Environment;
  #program: NodeProcess;

  private constructor(port: number, environment: Environment) {
    this.url = `http://127.0.0.1:${port}`;
    this.#environment = { ...environment, SLUICE_PORT: `${port}` };
    this.#program = this.#spawn();
  }

  static async start(environment: Environment): Promise<Sidecar> {
    const sidecar = new Sidecar(await freePort(), environment);
    await sidecar.#isReady();
    return sidecar;
  }

  /** Ends it as a crash would. */
  async kill(): Promise<void> {
    await this.#program.kill();
  }

  async startAgain(): Promise<void> {
    this.#program = this.#spawn();
    await this.#isReady();
  }

  /** Makes it read its files again. */
  reload(): void {
    this.#program.signal("SIGHUP");
  }

  #spawn(): NodeProcess {
    return spawnNode(main, [], { env: this.#environment });
  }

  async #isReady(): Promise<void> {
    const answers = async () => (await fetch(`${this.url}/readyz`)).ok;
    await until(answers, { what: "the sidecar to be ready", timeoutMs: 60_000 }).catch((error: Error) => {
      throw new Error(`${error.message}\n${this.#program.talk}`);
    });
  }
}
