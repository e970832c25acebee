import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type NodeProcess, type RedisServer, spawnNode, startRedis, until } from "@sluice/testkit";
import { root } from "../files.js";

const program = join(root, "services/sidecar/dist/main.js");

/** Of clients, who may do everything, and of Prometheus, which may read. */
const tokens = { everything: "token-of-the-clients", read: "token-of-prometheus" };

/** How long a lease may be here, and so how long a recovery takes. */
export const maxLeaseMs = 3_000;

/** Semaphores that have a label of their own; the load uses more, so that there is an `other`. */
const maxSemaphores = 7;

/** Two sidecars, as people start them, on one Redis, which can be away. */
export class Fleet {
  readonly redis: RedisServer;
  readonly token = tokens.everything;
  readonly #folder = mkdtempSync(join(tmpdir(), "sluice-fleet-"));
  readonly #sidecars: NodeProcess[] = [];
  #urls: string[] = [];

  private constructor(redis: RedisServer) {
    this.redis = redis;
  }

  /** Sidecars whose Redis is not there yet: `fleet.redis.start()` brings it. */
  static async startWithoutRedis(): Promise<Fleet> {
    const redis = await startRedis();
    await redis.kill();
    const fleet = new Fleet(redis);
    await fleet.#startSidecars();
    return fleet;
  }

  get urls(): readonly [a: string, b: string] {
    const [a = "", b = ""] = this.#urls;
    return [a, b];
  }

  /** As Prometheus names them. */
  get targets(): string[] {
    return this.#urls.map((url) => new URL(url).host);
  }

  /** What Prometheus shows to be let in. */
  get tokenFile(): string {
    return join(this.#folder, "token");
  }

  metricsOf(url: string): Promise<string> {
    const headers = { authorization: `Bearer ${tokens.read}` };
    return fetch(`${url}/metrics`, { headers }).then((response) => response.text());
  }

  async stop(): Promise<void> {
    await Promise.all(this.#sidecars.map((sidecar) => sidecar.kill()));
    await this.redis.stop();
    rmSync(this.#folder, { recursive: true });
  }

  async #startSidecars(): Promise<void> {
    const tokensFile = join(this.#folder, "tokens.json");
    const known = [
      { name: "clients", token: tokens.everything, scopes: ["use", "read", "operate"] },
      { name: "prometheus", token: tokens.read, scopes: ["read"] },
    ];
    writeFileSync(tokensFile, JSON.stringify({ tokens: known }), { mode: 0o600 });
    writeFileSync(this.tokenFile, tokens.read);
    const env = {
      SLUICE_PORT: "0",
      REDIS_URL: this.redis.url,
      SLUICE_ASSUME_FRESH: "1",
      SLUICE_MAX_LEASE_MS: String(maxLeaseMs),
      SLUICE_TOKENS_FILE: tokensFile,
      SLUICE_METRICS_MAX_SEMAPHORES: String(maxSemaphores),
    };
    this.#sidecars.push(spawnNode(program, [], { env }), spawnNode(program, [], { env }));
    this.#urls = await Promise.all(this.#sidecars.map(announcedUrl));
  }
}

async function announcedUrl(sidecar: NodeProcess): Promise<string> {
  const announced = () => /listens on (http\S+)/.exec(sidecar.talk)?.[1];
  const found = until(announced, { what: "a sidecar to listen", timeoutMs: 60_000 });
  return found.catch((error: Error) => {
    throw new Error(`${error.message}\n${sidecar.talk}`);
  });
}
