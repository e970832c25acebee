import { freePort, type NodeProcess, spawnNode, until } from "@sluice/testkit";

const main = new URL("../../../services/sidecar/dist/main.js", import.meta.url);

export interface SidecarSettings {
  readonly redisUrl: string;
  readonly prefix: string;
  readonly maxLeaseMs: number;
}

/** A sidecar as people start it, at one port; it can be killed and started again. */
export class SidecarProcess {
  readonly #settings: SidecarSettings;
  #process: NodeProcess | undefined;
  /** One that nobody else is given while it is down. */
  #port: number | undefined;
  #url = "";

  constructor(settings: SidecarSettings) {
    this.#settings = settings;
  }

  /** Where it listens, once it was started. */
  get url(): string {
    return this.#url;
  }

  /** Starts it, where it was before if it was killed, and resolves once it listens. */
  async start(): Promise<void> {
    this.#port ??= await freePort();
    const started = this.#spawn(this.#port);
    this.#process = started;
    const announced = () => /listens on (\S+)/.exec(started.talk)?.[1];
    this.#url = await until(announced, { what: "a sidecar to listen", timeoutMs: 60_000 });
  }

  async kill(): Promise<void> {
    await this.#process?.kill();
  }

  pause(): void {
    this.#process?.pause();
  }

  resume(): void {
    this.#process?.resume();
  }

  #spawn(port: number): NodeProcess {
    const { redisUrl, prefix, maxLeaseMs } = this.#settings;
    return spawnNode(main, [], {
      env: {
        SLUICE_PORT: String(port),
        REDIS_URL: redisUrl,
        SLUICE_PREFIX: prefix,
        SLUICE_MAX_LEASE_MS: String(maxLeaseMs),
      },
    });
  }
}
