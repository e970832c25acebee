import { availableParallelism, cpus, loadavg } from "node:os";
import type { RedisServer } from "@sluice/testkit";

/** What the figures were taken on; the load tells how much else was going on before. */
export async function machine(redis: RedisServer): Promise<string> {
  const info = String(await redis.command("INFO", "server"));
  // Valkey names both: its own version, and that of the Redis it stands in for.
  const [, server] = /^valkey_version:(.*?)\r?$/m.exec(info) ?? [];
  const [, redisVersion] = /^redis_version:(.*?)\r?$/m.exec(info) ?? [];
  const name = server === undefined ? `Redis ${redisVersion}` : `Valkey ${server}`;
  const cores = `${availableParallelism()} cores (${cpus()[0]?.model.trim() ?? "unknown"})`;
  return `${cores}, Node ${process.versions.node}, ${name}, load ${loadavg()[0]?.toFixed(1)}`;
}
