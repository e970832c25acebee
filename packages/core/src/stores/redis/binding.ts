import { StoreIncompatibleError } from "../../errors.js";
import { type RedisClient, singleUseOptions } from "./client.js";
import { applyLua, inspectLua } from "./scripts.generated.js";

const bindMs = 5_000;

/** The scripts as one life of one server knows them. */
export interface Binding {
  /** The server's run_id, which changes when it restarts. */
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

/**
 * Loads the scripts into the server, with its run_id in their text: a server that has restarted, or another one, then
 * answers NOSCRIPT and cannot run them. This goes over a connection of its own that cannot reconnect, so that the text
 * never reaches another server than the one whose run_id it bears.
 *
 * @throws StoreIncompatibleError where the server is older than Redis 7.0 or Valkey 7.2
 */
export async function bind(client: RedisClient, sources: Scripts): Promise<Binding> {
  const connection = client.duplicate(singleUseOptions);
  connection.on("error", () => {});
  // A server that says nothing: ending the connection fails whatever waits for it.
  const patience = setTimeout(() => connection.disconnect(), bindMs);
  try {
    await connection.connect();
    const info = String(await connection.call("INFO", "server"));
    requireVersion(info);
    const incarnation = field(info, "run_id") ?? "";
    const load = async (source: string) => String(await connection.call("SCRIPT", "LOAD", source));
    const [applySha, applyOutOfMemorySha, inspectSha] = await Promise.all([
      load(bound(sources.apply, incarnation, false)),
      load(bound(sources.apply, incarnation, true)),
      load(bound(sources.inspect, incarnation, false)),
    ]);
    return { incarnation, applySha, applyOutOfMemorySha, inspectSha };
  } finally {
    clearTimeout(patience);
    connection.disconnect();
  }
}

/** One script of the binding whose text bears `incarnation`; letters and digits only, so it needs no quoting. */
export function bound(source: string, incarnation: string, outOfMemory: boolean): string {
  return [
    outOfMemory ? "#!lua flags=allow-oom" : "#!lua",
    `local RUN_ID, OUT_OF_MEMORY = '${incarnation}', ${outOfMemory}`,
    "local PUBLISH, INBOX_IN_SLOT = 'PUBLISH', false",
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

function field(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(.*?)\\r?$`, "m").exec(info)?.[1];
}
