import { until } from "../until.js";
import { infoField, replicate } from "./replication.js";
import { type RedisServer, startRedis } from "./server.js";

export interface SentinelOptions {
  /** How many replicas the master has; 1 when left out. */
  readonly replicas?: number;
  /** How long a master must be silent before the Sentinels replace it; 1,000 when left out. */
  readonly downAfterMs?: number;
  /** More of the command line of the master and its replicas. */
  readonly args?: readonly string[];
}

const name = "main";
const sentinelCount = 3;
const quorum = 2;

/** Starts a master, its replicas, and three Sentinels that watch them; resolves once these know one another. */
export async function startSentinels(options: SentinelOptions = {}): Promise<SentinelSetup> {
  const { replicas = 1, downAfterMs = 1_000, args = [] } = options;
  const servers = await Promise.all(Array.from({ length: 1 + replicas }, () => startRedis({ args })));
  const [master, ...others] = servers as [RedisServer, ...RedisServer[]];
  await Promise.all(others.map((replica) => replicate(replica, master)));
  const sentinel = [
    `sentinel monitor ${name} 127.0.0.1 ${master.port} ${quorum}`,
    `sentinel down-after-milliseconds ${name} ${downAfterMs}`,
    `sentinel failover-timeout ${name} 3000`,
  ].join("\n");
  const sentinels = await Promise.all(Array.from({ length: sentinelCount }, () => startRedis({ sentinel })));
  const setup = new SentinelSetup(servers, sentinels);
  await setup.settled();
  return setup;
}

/** Servers of which one is the master, and the Sentinels that say which. */
export class SentinelSetup {
  readonly name = name;
  readonly servers: readonly RedisServer[];
  readonly sentinels: readonly RedisServer[];

  /** Use `startSentinels`. */
  constructor(servers: readonly RedisServer[], sentinels: readonly RedisServer[]) {
    this.servers = servers;
    this.sentinels = sentinels;
  }

  get url(): string {
    return `redis+sentinel://${this.sentinels.map(({ port }) => `127.0.0.1:${port}`).join(",")}/${name}`;
  }

  /** The server that the Sentinels hold for the master. */
  async master(): Promise<RedisServer> {
    const reply = await this.#ask("get-master-addr-by-name", name);
    const port = Number((reply as unknown[])[1]);
    const master = this.servers.find((server) => server.port === port);
    if (master === undefined)
      throw new Error(`the Sentinels name a master at port ${port}, which is none of ours`);
    return master;
  }

  /** Waits until every Sentinel knows the others and all replicas, so that a failover can begin. */
  async settled(): Promise<void> {
    await until(
      async () => {
        const views = await Promise.all(this.sentinels.map((one) => one.command("INFO", "sentinel")));
        const wanted = `slaves=${this.servers.length - 1},sentinels=${this.sentinels.length}`;
        return views.every((view) => String(view).includes(wanted));
      },
      { what: "the Sentinels to know one another", timeoutMs: 20_000, everyMs: 50 },
    );
  }

  /** Has the Sentinels promote a replica, and waits until it is the master. */
  async failOver(): Promise<void> {
    const before = await this.master();
    await this.#ask("failover", name);
    await this.hasFailedOver(before);
  }

  /** Waits until another server than `before` is the master, and says so itself. */
  async hasFailedOver(before: RedisServer): Promise<RedisServer> {
    return until(
      async () => {
        const master = await this.master();
        const role = infoField(await master.command("INFO", "replication"), "role");
        return master !== before && role === "master" ? master : undefined;
      },
      { what: "a replica to be promoted", timeoutMs: 30_000, everyMs: 20 },
    );
  }

  async stop(): Promise<void> {
    await Promise.all([...this.sentinels, ...this.servers].map((server) => server.stop()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #ask(...words: string[]) {
    const [sentinel] = this.sentinels;
    if (sentinel === undefined) throw new Error("there is no Sentinel");
    return sentinel.command("SENTINEL", ...words);
  }
}
