import { type ChildProcess, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tieToThisProcess } from "../processes/lifeline.js";
import type { RespValue } from "../resp/values.js";
import { until } from "../until.js";
import { askRedis } from "./ask.js";
import { redisServerPath } from "./binary.js";

export interface RedisOptions {
  /** More of the command line, e.g. `["--maxmemory", "10mb"]`; rules over what the testkit sets. */
  readonly args?: readonly string[];
  /** Makes it a Sentinel, with these lines of configuration. */
  readonly sentinel?: string;
  /** A free one when left out. */
  readonly port?: number;
  /** Where a free one is looked for, `to` excluded; 20,000 to 32,000 when left out. */
  readonly ports?: { readonly from: number; readonly to: number };
  /** How long it may take to start; 10,000 when left out. */
  readonly startMs?: number;
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Ports that are no system's ephemeral ones: while a server is down, no outgoing connection takes its port. */
const usualPorts = { from: 20_000, to: 32_000 };

const portTaken = "Address already in use";

/**
 * Starts a real server on loopback that keeps nothing on disk, and resolves once it answers. It dies with this
 * process, however that ends.
 *
 * @throws Error with the server's log when it did not start
 */
export async function startRedis({
  port,
  ports = usualPorts,
  ...options
}: RedisOptions = {}): Promise<RedisServer> {
  for (let attempt = 1; ; attempt++) {
    const server = new RedisServer(port ?? randomInt(ports.from, ports.to), options);
    try {
      await server.start();
      return server;
    } catch (error) {
      const mayRetry = port === undefined && attempt < 10 && server.log().includes(portTaken);
      await server.stop();
      if (!mayRetry) throw error;
    }
  }
}

/** One server at one port; it can be stopped, started again, killed and paused. */
export class RedisServer {
  readonly port: number;
  readonly url: string;
  readonly #args: readonly string[];
  readonly #sentinel: string | undefined;
  readonly #startMs: number;
  readonly #env: Readonly<Record<string, string>>;
  #folder = newFolder();
  #child: ChildProcess | undefined;

  /** Use `startRedis`. */
  constructor(
    port: number,
    { args = [], sentinel, startMs = 10_000, env = {} }: Omit<RedisOptions, "port" | "ports">,
  ) {
    this.port = port;
    this.url = `redis://127.0.0.1:${port}`;
    this.#args = args;
    this.#sentinel = sentinel;
    this.#startMs = startMs;
    this.#env = env;
  }

  /** The process id of the server that runs. @throws Error while none does */
  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error(`the Redis at port ${this.port} is not running`);
    return this.#child.pid;
  }

  get isRunning(): boolean {
    return this.#child !== undefined;
  }

  /** Starts it where it is not running, at the same port and on the same data, and resolves once it answers. */
  async start(): Promise<void> {
    if (this.#child) return;
    const child = this.#spawn();
    this.#child = child;
    child.once("exit", () => {
      if (this.#child === child) this.#child = undefined;
    });
    await this.#answering(child);
  }

  /** Ends it in good order, and deletes its data. Does nothing where it has ended. */
  async stop(): Promise<void> {
    await this.#end("SIGTERM");
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Ends it as a crash would. Its data, if it keeps any, stays for `start`. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** Kills and starts it. With `empty` it loses what it had kept on disk. */
  async restart({ empty = false }: { readonly empty?: boolean } = {}): Promise<void> {
    await this.kill();
    if (empty) {
      rmSync(this.#folder, { recursive: true, force: true });
      this.#folder = newFolder();
    }
    await this.start();
  }

  /** Stops the process in its tracks: connections stay open, nothing is answered. */
  pause(): void {
    process.kill(this.pid, "SIGSTOP");
  }

  resume(): void {
    process.kill(this.pid, "SIGCONT");
  }

  /** The reply to one command, over a connection of its own. @throws Error on an error reply */
  command(...words: (string | number)[]): Promise<RespValue> {
    return askRedis(this.port, words);
  }

  /** What the server has logged since it was last started. */
  log(): string {
    try {
      return readFileSync(this.#logPath(), "utf8");
    } catch {
      return "";
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #logPath(): string {
    return join(this.#folder, "server.log");
  }

  #spawn(): ChildProcess {
    // A file, not a pipe: a server must not block on a test that does not read.
    const log = openSync(this.#logPath(), "w");
    const env = { ...process.env, ...this.#env };
    const child = spawn(redisServerPath(), this.#commandLine(), { stdio: ["ignore", log, log], env });
    closeSync(log);
    child.once("error", () => {
      this.#child = undefined;
    });
    child.unref();
    tieToThisProcess(child, this.#folder);
    return child;
  }

  #commandLine(): string[] {
    const place = ["--port", String(this.port), "--bind", "127.0.0.1", "--dir", this.#folder];
    const habits = ["--save", "", "--appendonly", "no", "--daemonize", "no"];
    if (this.#sentinel === undefined) return [...place, ...habits, ...this.#args];
    return [this.#sentinelConfig(this.#sentinel), ...place, "--sentinel", ...this.#args];
  }

  /** A Sentinel keeps what it learns in its configuration, which is written once. */
  #sentinelConfig(text: string): string {
    const path = join(this.#folder, "sentinel.conf");
    if (!existsSync(path)) writeFileSync(path, text);
    return path;
  }

  async #answering(child: ChildProcess): Promise<void> {
    const gone = new AbortController();
    child.once("exit", () => gone.abort());
    child.once("error", () => gone.abort());
    const answer = until(() => gone.signal.aborted || this.#answersAs(child.pid), {
      what: `Redis to answer at port ${this.port}`,
      timeoutMs: this.#startMs,
    });
    await answer.catch((error: unknown) => {
      throw new Error(`${(error as Error).message}\n${this.log()}`);
    });
    if (gone.signal.aborted) throw new Error(`Redis did not start at port ${this.port}:\n${this.log()}`);
  }

  /** True once the server that answers is this one: another process's server may have the port. */
  async #answersAs(pid: number | undefined): Promise<boolean> {
    await this.command("PING");
    const info = String(await this.command("INFO", "server"));
    const answering = Number(/process_id:(\d+)/.exec(info)?.[1]);
    if (answering !== pid)
      throw new Error(`process ${answering} answers there, and not ${pid}, which was started`);
    return true;
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (!child) return;
    const exit = once(child, "exit");
    child.ref();
    child.kill(signal);
    child.kill("SIGCONT");
    // A server in the middle of a script heeds no SIGTERM.
    const patience = setTimeout(() => child.kill("SIGKILL"), 3_000);
    await exit;
    clearTimeout(patience);
  }
}

function newFolder(): string {
  return mkdtempSync(join(realpathSync(tmpdir()), "sluice-redis-"));
}
