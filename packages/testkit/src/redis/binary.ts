import { programPath } from "../processes/program-path.js";

/**
 * The path of a Redis or Valkey server. It may be a script, if it ends in `exec`: signals are sent to the process that
 * was started.
 *
 * @throws Error where there is none, saying what to do
 */
export function redisServerPath(env?: NodeJS.ProcessEnv): string {
  const search = {
    variable: "SLUICE_TEST_REDIS_SERVER",
    names: ["redis-server", "valkey-server"],
    cached: "redis/redis-server",
    command: "npm test",
  };
  return programPath(search, env);
}
