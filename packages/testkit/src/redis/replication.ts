import type { RespValue } from "../resp/values.js";
import { until } from "../until.js";
import type { RedisServer } from "./server.js";

/** One field of a reply to INFO or CLUSTER INFO. */
export function infoField(info: RespValue, name: string): string | undefined {
  return new RegExp(`^${name}:(.*?)\r?$`, "m").exec(String(info))?.[1];
}

/** Makes `replica` a replica of `master`, and waits until it has its data. */
export async function replicate(replica: RedisServer, master: RedisServer): Promise<void> {
  // Without the pause that a master leaves for more replicas to come.
  await master.command("CONFIG", "SET", "repl-diskless-sync-delay", 0);
  await replica.command("REPLICAOF", "127.0.0.1", master.port);
  await isReplicating(replica);
}

/** Waits until the replica has its master's data. */
export async function isReplicating(replica: RedisServer): Promise<void> {
  await until(
    async () => infoField(await replica.command("INFO", "replication"), "master_link_status") === "up",
    { what: "the replica to have its master's data", timeoutMs: 20_000, everyMs: 20 },
  );
}
