import type { RespValue } from "../resp/values.js";
import { until } from "../until.js";
import { infoField, isReplicating } from "./replication.js";
import { type RedisServer, startRedis } from "./server.js";

export interface ClusterOptions {
  /** 3 when left out, which is the least that can vote for a new master. */
  readonly masters?: number;
  /** How many replicas each master has; 1 when left out. */
  readonly replicas?: number;
  /** How long a node must be silent before the others replace it; 1,000 when left out. */
  readonly nodeTimeoutMs?: number;
  /** More of the command line of every node. */
  readonly args?: readonly string[];
}

const slotCount = 16_384;
/** Nodes talk to one another at ports 10,000 above, which must be no system's ephemeral ones either. */
const ports = { from: 10_000, to: 16_000 };
const settleMs = 30_000;

/** Starts the nodes of a Cluster on loopback, and resolves once it serves all slots and every replica has its data. */
export async function startCluster(options: ClusterOptions = {}): Promise<RedisCluster> {
  const { masters = 3, replicas = 1, nodeTimeoutMs = 1_000, args = [] } = options;
  const nodes = await Promise.all(
    Array.from({ length: masters * (1 + replicas) }, () =>
      startRedis({ ports, args: [...nodeArgs(nodeTimeoutMs), ...args] }),
    ),
  );
  const cluster = new RedisCluster(nodes);
  await cluster.form(masters);
  return cluster;
}

/** A slot that nobody serves takes only its own keys away. */
function nodeArgs(nodeTimeoutMs: number): string[] {
  const membership = ["--cluster-enabled", "yes", "--cluster-node-timeout", String(nodeTimeoutMs)];
  return [...membership, "--cluster-require-full-coverage", "no", "--repl-diskless-sync-delay", "0"];
}

/** One line of CLUSTER NODES. */
interface View {
  readonly id: string;
  readonly port: number;
  readonly flags: readonly string[];
  readonly masterId: string;
  readonly slots: readonly string[];
}

/** The nodes of one Cluster. */
export class RedisCluster {
  readonly nodes: readonly RedisServer[];

  /** Use `startCluster`. */
  constructor(nodes: readonly RedisServer[]) {
    this.nodes = nodes;
  }

  get url(): string {
    return `redis+cluster://${this.nodes.map(({ port }) => `127.0.0.1:${port}`).join(",")}`;
  }

  /** Makes a Cluster of nodes that do not know one another: the first ones are its masters. */
  async form(masters: number): Promise<void> {
    const [first, ...others] = this.nodes as [RedisServer, ...RedisServer[]];
    const leading = this.nodes.slice(0, masters);
    for (const [index, node] of leading.entries()) {
      const [from, to] = [index, index + 1].map((part) => Math.floor((part * slotCount) / masters));
      await node.command("CLUSTER", "ADDSLOTSRANGE", from ?? 0, (to ?? slotCount) - 1);
    }
    for (const [index, node] of this.nodes.entries())
      await node.command("CLUSTER", "SET-CONFIG-EPOCH", index + 1);
    for (const node of others) await first.command("CLUSTER", "MEET", "127.0.0.1", node.port);
    await this.#agreed(0);
    const followers = this.nodes.slice(masters);
    for (const [index, replica] of followers.entries()) {
      const master = leading[index % masters] ?? first;
      await replica.command("CLUSTER", "REPLICATE", String(await master.command("CLUSTER", "MYID")));
    }
    await Promise.all(followers.map(isReplicating));
    await this.#agreed(followers.length);
  }

  async slotOf(key: string): Promise<number> {
    return Number(await this.#running().command("CLUSTER", "KEYSLOT", key));
  }

  /** The node that serves the slot, as a node that runs sees it. */
  async ownerOf(slot: number): Promise<RedisServer> {
    const views = await this.#views(this.#running());
    const owner = views.find(
      ({ flags, slots }) => flags.includes("master") && !flags.includes("fail") && holds(slots, slot),
    );
    return this.#serverOf(owner, `slot ${slot}`);
  }

  /** The replicas of a master that run. */
  async replicasOf(master: RedisServer): Promise<RedisServer[]> {
    const views = await this.#views(this.#running());
    const masterId = views.find(({ port }) => port === master.port)?.id;
    const replicas = views.filter((view) => view.masterId === masterId && !view.flags.includes("fail"));
    return replicas.map((view) => this.#serverOf(view, "a replica"));
  }

  /** Moves a slot with its keys to another master, while it is being used. */
  async moveSlot(slot: number, target: RedisServer): Promise<void> {
    const source = await this.ownerOf(slot);
    const id = async (node: RedisServer) => String(await node.command("CLUSTER", "MYID"));
    const targetId = await id(target);
    await target.command("CLUSTER", "SETSLOT", slot, "IMPORTING", await id(source));
    await source.command("CLUSTER", "SETSLOT", slot, "MIGRATING", targetId);
    await this.#moveKeys(slot, source, target);
    await target.command("CLUSTER", "SETSLOT", slot, "NODE", targetId);
    await source.command("CLUSTER", "SETSLOT", slot, "NODE", targetId);
  }

  /** Waits until all nodes, which run, have a master or are one, and every replica has its master's data. */
  async settled(): Promise<void> {
    const isReady = async (node: RedisServer) => {
      const replication = await node.command("INFO", "replication");
      const replicates = infoField(replication, "master_link_status") === "up";
      const serves = infoField(await node.command("CLUSTER", "INFO"), "cluster_state") === "ok";
      const views = await this.#views(node);
      const sees = views.every(({ flags }) => !flags.some((flag) => flag.startsWith("fail")));
      return serves && sees && (replicates || infoField(replication, "role") === "master");
    };
    await until(async () => (await Promise.all(this.nodes.map(isReady))).every(Boolean), {
      what: "the Cluster to be whole again",
      timeoutMs: settleMs,
      everyMs: 50,
    });
  }

  /** Waits until another node than `before` serves the slot. */
  async hasFailedOver(slot: number, before: RedisServer): Promise<RedisServer> {
    return until(
      async () => {
        const owner = await this.ownerOf(slot);
        return owner !== before ? owner : undefined;
      },
      { what: "a replica to take the slot over", timeoutMs: settleMs, everyMs: 20 },
    );
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #moveKeys(slot: number, source: RedisServer, target: RedisServer): Promise<void> {
    for (;;) {
      const keys = (await source.command("CLUSTER", "GETKEYSINSLOT", slot, 100)) as RespValue[];
      if (keys.length === 0) return;
      await source.command("MIGRATE", "127.0.0.1", target.port, "", 0, 5_000, "KEYS", ...keys.map(String));
    }
  }

  /** Every node knows every other one, and which are replicas, and serves. */
  async #agreed(replicas: number): Promise<void> {
    const agrees = async (node: RedisServer) => {
      const info = await node.command("CLUSTER", "INFO");
      const known = Number(infoField(info, "cluster_known_nodes"));
      const views = await this.#views(node);
      const connected = views.every(({ flags }) => !flags.includes("handshake"));
      if (views.filter(({ masterId }) => masterId !== "-").length !== replicas) return false;
      return infoField(info, "cluster_state") === "ok" && known === this.nodes.length && connected;
    };
    await until(async () => (await Promise.all(this.nodes.map(agrees))).every(Boolean), {
      what: "the nodes to know one another",
      timeoutMs: settleMs,
      everyMs: 50,
    });
  }

  #running(): RedisServer {
    const running = this.nodes.find((node) => node.isRunning);
    if (running === undefined) throw new Error("no node of the Cluster runs");
    return running;
  }

  async #views(node: RedisServer): Promise<View[]> {
    const text = String(await node.command("CLUSTER", "NODES"));
    return text.trim().split("\n").map(readView);
  }

  #serverOf(view: View | undefined, what: string): RedisServer {
    const server = this.nodes.find(({ port }) => port === view?.port);
    if (server === undefined) throw new Error(`no node of the Cluster is known for ${what}`);
    return server;
  }
}

function readView(line: string): View {
  const [id = "", address = "", flags = "", masterId = "", , , , , ...slots] = line.split(" ");
  const port = Number(/:(\d+)@/.exec(address)?.[1]);
  return { id, port, flags: flags.split(","), masterId, slots };
}

function holds(ranges: readonly string[], slot: number): boolean {
  return ranges.some((range) => {
    const [from, to = from] = range.split("-").map(Number);
    return from !== undefined && to !== undefined && from <= slot && slot <= to;
  });
}
