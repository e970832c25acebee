import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Where `npm test` puts a server that it had to fetch. */
const cached = fileURLToPath(new URL("../../../../.cache/redis/redis-server", import.meta.url));

/**
 * The path of a Redis or Valkey server: `SLUICE_TEST_REDIS_SERVER`, else the first on the PATH, else the one in the
 * project's cache. It may be a script, if it ends in `exec`: signals are sent to the process that was started.
 *
 * @throws Error where there is none, saying what to do
 */
export function redisServerPath(env: NodeJS.ProcessEnv = process.env): string {
  const chosen = env.SLUICE_TEST_REDIS_SERVER;
  if (chosen) return chosen;
  const folders = (env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  const onPath = folders.flatMap((folder) => [join(folder, "redis-server"), join(folder, "valkey-server")]);
  const found = [...onPath, cached].find(isExecutable);
  if (found) return found;
  throw new Error("no redis-server or valkey-server found; run `npm test`, or set SLUICE_TEST_REDIS_SERVER");
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
