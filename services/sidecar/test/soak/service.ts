import { freePort, type NodeProcess, spawnNode } from "@sluice/testkit";

const program = new URL("../children/sidecar.mjs", import.meta.url);

export interface Memory {
  readonly heapBytes: number;
  readonly timers: number;
  readonly sockets: number;
  readonly handles: number;
}

/** A sidecar in a process of its own that comes back at the same place. */
export class Service {
  readonly url: string;
  readonly #environment: Readonly<Record<string, string>>;
  #process: NodeProcess | undefined;

  private constructor(port: number, environment: Readonly<Record<string, string>>) {
    this.url = `http://127.0.0.1:${port}`;
    this.#environment = { SLUICE_PORT: String(port), SLUICE_LOG_LEVEL: "error", ...environment };
  }

  static async start(environment: Readonly<Record<string, string>>): Promise<Service> {
    const service = new Service(await freePort(), environment);
    await service.start();
    return service;
  }

  async start(): Promise<void> {
    this.#process = spawnNode(program, [], { env: this.#environment, execArgv: ["--expose-gc"] });
    await this.#process.next((message) => "url" in (message as object));
  }

  /** As a crash ends it. */
  async kill(): Promise<void> {
    await this.#process?.kill();
  }

  /** As SIGTERM ends it. */
  async drain(): Promise<void> {
    this.#process?.send({ ask: "drain" });
    await this.#process?.finished({ timeoutMs: 30_000 });
  }

  async memory(): Promise<Memory> {
    return (await this.#ask<{ memory: Memory }>("memory")).memory;
  }

  async isIdle(): Promise<boolean> {
    const { counts } = await this.#ask<{ counts: Record<string, number> }>("counts");
    return Object.values(counts).every((count) => count === 0);
  }

  /** Everything that it has said: it logs errors alone. */
  get errors(): string {
    return this.#process?.talk.replace(/^.*(?:ExperimentalWarning|--trace-warnings).*$/gm, "").trim() ?? "";
  }

  async #ask<Reply extends object>(question: string): Promise<Reply> {
    const process = this.#process as NodeProcess;
    process.send({ ask: question });
    return process.next<Reply>((message) => question in message);
  }
}
