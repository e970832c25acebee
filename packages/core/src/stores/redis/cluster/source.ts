import type { RedisClient } from "../client.js";
import { singleUseOptions } from "../client.js";
import { type Address, addressOf, partsOf, readSlots, type SlotRange } from "./topology.js";

const askMs = 1_000;

/** How a store comes to know the nodes of a Cluster, and to a connection to each of them. */
export interface ClusterSource {
  /** Some nodes, of which any can tell the others. Empty where none is known yet. */
  seeds(): Address[];
  /** What the nodes call an address, as this process has to. */
  reached(address: Address): Address;
  /** A client of one node, which does not connect by itself. */
  client(address: Address, options: Readonly<Record<string, unknown>>): RedisClient;
}

/** What is used of an ioredis Cluster. Its options are; its connections are not. */
export interface RedisCluster {
  readonly isCluster: boolean;
  readonly status: string;
  readonly options: {
    readonly keyPrefix?: string | undefined;
    // biome-ignore lint/suspicious/noExplicitAny: an object or a function, whose types differ between the majors of ioredis
    readonly natMap?: any;
  };
  nodes(role?: "all" | "master" | "slave"): ClusterNode[];
  connect(): Promise<unknown>;
}

type ClusterNode = Pick<RedisClient, "duplicate"> & {
  readonly options: { readonly host?: string | undefined; readonly port?: number | undefined };
};

/** The nodes that a caller's client knows, reached with its credentials, its TLS and its map of addresses. */
export function sourceFromClient(cluster: RedisCluster): ClusterSource {
  let model: ClusterNode | undefined;
  const nodes = () => {
    if (cluster.status === "wait") cluster.connect().catch(() => {});
    const known = cluster.nodes("all");
    model = known[0] ?? model;
    return known;
  };
  return {
    seeds: () => nodes().map(({ options: { host = "127.0.0.1", port = 6379 } }) => addressOf(host, port)),
    reached: (address) => mapped(address, cluster.options.natMap),
    client: (address, options) => {
      nodes();
      if (model === undefined) throw new Error("the Cluster client knows no node");
      return model.duplicate({ ...options, ...partsOf(address), readOnly: false });
    },
  };
}

function mapped(address: Address, natMap: unknown): Address {
  const place =
    typeof natMap === "function"
      ? natMap(address)
      : (natMap as Record<string, unknown> | null | undefined)?.[address];
  return place === undefined || place === null ? address : addressOf(place.host, place.port);
}

/**
 * What the node says about where the slots are, over a connection that is used once: one that hangs cannot keep the
 * others from being asked.
 *
 * @throws Error where it did not answer within a second
 */
export async function askForSlots(source: ClusterSource, address: Address): Promise<SlotRange[]> {
  const client = source.client(address, singleUseOptions);
  client.on("error", () => {});
  const patience = setTimeout(() => client.disconnect(), askMs);
  try {
    await client.connect();
    const ranges = readSlots(await client.call("CLUSTER", "SLOTS"), partsOf(address).host);
    return ranges.map(({ from, to, master, replicas }) => ({
      from,
      to,
      master: source.reached(master),
      replicas: replicas.map((replica) => source.reached(replica)),
    }));
  } finally {
    clearTimeout(patience);
    client.disconnect();
  }
}
