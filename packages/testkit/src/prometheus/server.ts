import { type ChildProcess, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tieToThisProcess } from "../processes/lifeline.js";
import { until } from "../until.js";
import { PrometheusApi } from "./api.js";
import { pathOf } from "./binaries.js";

/** Either a whole configuration, or targets and rules of which one is made. */
export type PrometheusOptions = { readonly startMs?: number } & (
  | {
      /** The text of a prometheus.yml, or what gives it for the server's own address, `127.0.0.1:PORT`. Its paths are absolute. */
      readonly config: string | ((self: string) => string);
    }
  | {
      /** Each as `127.0.0.1:7077`, scraped as the job `test`. */
      readonly targets: readonly string[];
      /** Absolute paths of rule files; none when left out. */
      readonly rules?: readonly string[];
      /** How often targets are scraped and rules evaluated, as Prometheus writes it; "1s" when left out. */
      readonly interval?: string;
    }
);

/** Ports that are no system's ephemeral ones. */
const ports = { from: 20_000, to: 32_000 };
const portTaken = "address already in use";

/**
 * Starts a real Prometheus on loopback with a data folder of its own, and resolves once it answers queries. It dies with
 * this process, however that ends. `startMs` is how long it may take, 30,000 when left out.
 *
 * @throws Error with the server's log when it did not start
 */
export async function startPrometheus({
  startMs = 30_000,
  ...options
}: PrometheusOptions): Promise<PrometheusServer> {
  for (let attempt = 1; ; attempt++) {
    const port = randomInt(ports.from, ports.to);
    const server = new PrometheusServer(port, configFor(options, `127.0.0.1:${port}`));
    try {
      await server.ready(startMs);
      return server;
    } catch (error) {
      const mayRetry = attempt < 10 && server.log().includes(portTaken);
      await server.stop();
      if (!mayRetry) throw error;
    }
  }
}

/** One Prometheus, with the API to ask it by. */
export class PrometheusServer extends PrometheusApi {
  readonly #folder = mkdtempSync(join(realpathSync(tmpdir()), "sluice-prometheus-"));
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #hasEnded = false;

  /** Use `startPrometheus`. */
  constructor(port: number, config: string) {
    super(`http://127.0.0.1:${port}`);
    this.#child = this.#spawn(port, config);
    this.#ended = Promise.race([once(this.#child, "exit"), once(this.#child, "error")]).finally(() => {
      this.#hasEnded = true;
    });
  }

  /** Resolves once it answers queries. @throws Error with its log where it ends, or takes longer than `timeoutMs` */
  async ready(timeoutMs: number): Promise<void> {
    const answer = until(() => this.#hasEnded || this.isReady(), {
      what: `Prometheus to answer at ${this.url}`,
      timeoutMs,
      everyMs: 50,
    });
    await answer.catch((error: unknown) => {
      throw new Error(`${(error as Error).message}\n${this.log()}`);
    });
    if (this.#hasEnded) throw new Error(`Prometheus did not start at ${this.url}:\n${this.log()}`);
  }

  /** What it has logged. */
  log(): string {
    try {
      return readFileSync(this.#logPath, "utf8");
    } catch {
      return "";
    }
  }

  /** Ends it, and deletes its data. */
  async stop(): Promise<void> {
    this.#child.ref();
    this.#child.kill("SIGKILL");
    await this.#ended;
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  get #logPath(): string {
    return join(this.#folder, "server.log");
  }

  #spawn(port: number, config: string): ChildProcess {
    const configPath = join(this.#folder, "prometheus.yml");
    writeFileSync(configPath, config);
    const args = [
      `--config.file=${configPath}`,
      `--storage.tsdb.path=${join(this.#folder, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ];
    // A file, not a pipe: a server must not block on a test that does not read.
    const log = openSync(this.#logPath, "w");
    const child = spawn(pathOf("prometheus"), args, { stdio: ["ignore", log, log], cwd: this.#folder });
    closeSync(log);
    child.unref();
    tieToThisProcess(child, this.#folder);
    return child;
  }
}

/** JSON is YAML. */
function configFor(options: PrometheusOptions, self: string): string {
  if ("config" in options) return typeof options.config === "string" ? options.config : options.config(self);
  const { targets, rules = [], interval = "1s" } = options;
  return JSON.stringify({
    global: { scrape_interval: interval, evaluation_interval: interval },
    rule_files: rules,
    scrape_configs: [{ job_name: "test", static_configs: [{ targets }] }],
  });
}
