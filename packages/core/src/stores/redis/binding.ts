import { StoreIncompatibleError } from "../../errors.js";
import { type RedisClient, singleUseOptions } from "./client.js";
import { applyLua, inspectLua } from "./scripts.generated.js";

const bindMs = 5_000;

/** The scripts as one life of one server knows them. */
export interface Binding {
  /**
   * The server's run_id, which changes when it restarts; of one that was promoted joined with the start of the id under
   * which its data was replicated to it, which changes with each promotion.
   */
  readonly incarnation: string;
  readonly applySha: string;
  /** The same, allowed to run when memory is out, and then refusing what needs memory. */
  readonly applyOutOfMemorySha: string;
  readonly inspectSha: string;
}

/** The sources of the scripts; tests give others. */
export interface Scripts {
  readonly apply: string;
  readonly inspect: string;
}

export const scripts: Scripts = { apply: applyLua, inspect: inspectLua };

/** How the scripts tell other processes: by a channel of each process, or by one in the semaphore's slot of a Cluster. */
export type Push = "PUBLISH" | "SPUBLISH";

/** The server has a master, which alone may be written to. */
export class ReplicaError extends Error {
  constructor() {
    super("the server is a replica, not a master");
  }
}

/**
 * Loads the scripts into the server, with its incarnation in their text: a server that has restarted, or another one,
 * then answers NOSCRIPT and cannot run them. This goes over a connection of its own that cannot reconnect, so that the
 * text never reaches another server than the one whose incarnation it bears.
 *
 * @param earlier returned where it still holds: it is then known by the server
 * @throws StoreIncompatibleError where the server is older than Redis 7.0 or Valkey 7.2, or is no single server
 * @throws ReplicaError
 */
export async function bind(
  client: RedisClient,
  sources: Scripts,
  push: Push,
  earlier: Binding | undefined,
): Promise<Binding> {
  const connection = client.duplicate(singleUseOptions);
  connection.on("error", () => {});
  // A server that says nothing: ending the connection fails whatever waits for it.
  const patience = setTimeout(() => connection.disconnect(), bindMs);
  try {
    await connection.connect();
    const incarnation = await readIncarnation(connection, push);
    return earlier?.incarnation === incarnation
      ? earlier
      : await load(connection, sources, push, incarnation);
  } finally {
    clearTimeout(patience);
    connection.disconnect();
  }
}

async function readIncarnation(connection: RedisClient, push: Push): Promise<string> {
  const server = String(await connection.call("INFO", "server"));
  requireVersion(server);
  if (push === "PUBLISH") requireSingle(server);
  const replication = String(await connection.call("INFO", "replication"));
  if (field(replication, "role") !== "master") throw new ReplicaError();
  return incarnationOf(field(server, "run_id") ?? "", field(replication, "master_replid2") ?? "");
}

/** As recovery.lua computes it. */
function incarnationOf(runId: string, earlierReplicationId: string): string {
  return /[^0]/.test(earlierReplicationId) ? `${runId}+${earlierReplicationId.slice(0, 12)}` : runId;
}

async function load(
  connection: RedisClient,
  sources: Scripts,
  push: Push,
  incarnation: string,
): Promise<Binding> {
  const sha = async (source: string, outOfMemory: boolean) =>
    String(await connection.call("SCRIPT", "LOAD", bound(source, incarnation, outOfMemory, push)));
  const [applySha, applyOutOfMemorySha, inspectSha] = await Promise.all([
    sha(sources.apply, false),
    sha(sources.apply, true),
    sha(sources.inspect, false),
  ]);
  return { incarnation, applySha, applyOutOfMemorySha, inspectSha };
}

/** One script of the binding whose text bears `incarnation`, which consists of letters, digits and "+": no quoting. */
export function bound(
  source: string,
  incarnation: string,
  outOfMemory: boolean,
  push: Push = "PUBLISH",
): string {
  return [
    outOfMemory ? "#!lua flags=allow-oom" : "#!lua",
    `local RUN_ID, OUT_OF_MEMORY = '${incarnation}', ${outOfMemory}`,
    `local PUBLISH, INBOX_IN_SLOT = '${push}', ${push === "SPUBLISH"}`,
    source,
  ].join("\n");
}

const minimum = { redis: [7, 0], valkey: [7, 2] } as const;

function requireVersion(info: string): void {
  const valkey = field(info, "valkey_version");
  const [kind, version] =
    valkey === undefined
      ? (["redis", field(info, "redis_version") ?? "0"] as const)
      : (["valkey", valkey] as const);
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [leastMajor, leastMinor] = minimum[kind];
  if (major > leastMajor || (major === leastMajor && minor >= leastMinor)) return;
  throw new StoreIncompatibleError(
    `the server is ${kind} ${version}; Sluice needs Redis ${minimum.redis.join(".")} or Valkey ${minimum.valkey.join(".")}, or later`,
  );
}

const otherTopologies: Readonly<Record<string, string>> = {
  cluster: "a node of a Cluster, which takes a redis+cluster:// URL or a Cluster client",
  sentinel: "a Sentinel, which takes a redis+sentinel:// URL or a client with the option sentinels",
};

/** A node of a Cluster would refuse what is kept elsewhere, and a Sentinel everything. */
function requireSingle(info: string): void {
  const other = otherTopologies[field(info, "redis_mode") ?? ""];
  if (other !== undefined) throw new StoreIncompatibleError(`the server is ${other}`);
}

function field(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(.*?)\\r?$`, "m").exec(info)?.[1];
}
