import { InvalidArgumentError } from "../../errors.js";
import type { Store } from "../../store.js";
import type { RedisClient } from "./client.js";
import type { RedisCluster } from "./cluster/source.js";
import { connector } from "./connect.js";
import { RedisStore } from "./store.js";

export type { RedisClient } from "./client.js";
export type { RedisCluster } from "./cluster/source.js";
export { redisUrlWithoutSecrets } from "./url.js";

export interface RedisStoreOptions {
  /** Starts every key and channel; "sluice" when left out. */
  readonly prefix?: string;
  /** The longest lease that this store accepts; 15,000 when left out. All processes on one Redis should say the same. */
  readonly maxLeaseMs?: number;
  /** The server is known to have held no leases before it was started: nothing has to be recovered. Default false. */
  readonly assumeFresh?: boolean;
}

const prefixPattern = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/;
const longestLeaseMs = 3_600_000;

/**
 * A store on Redis (7.0 or later; Valkey 7.2 or later), shared by all processes that use the same servers and prefix: one
 * server, one that Sentinels watch, or a Cluster. It is exact as long as a server keeps its memory.
 *
 * ```ts
 * const store = redisStore("redis://localhost:6379");
 * ```
 *
 * @param redis a redis://, redis+sentinel:// or redis+cluster:// URL (rediss… for TLS), or an ioredis client or Cluster of
 *   the caller's, which `close()` leaves open
 * @throws InvalidArgumentError
 */
export function redisStore(
  redis: string | RedisClient | RedisCluster,
  options: RedisStoreOptions = {},
): Store {
  const { prefix, maxLeaseMs, assumeFresh } = validateOptions(options);
  return new RedisStore({ connect: connector(redis, { prefix, assumeFresh }), prefix, maxLeaseMs });
}

function validateOptions(options: RedisStoreOptions): Required<RedisStoreOptions> {
  if (typeof options !== "object" || options === null)
    throw new InvalidArgumentError("options", "an object", options);
  const { prefix = "sluice", maxLeaseMs = 15_000, assumeFresh = false, ...unknown } = options;
  const [name] = Object.keys(unknown);
  if (name !== undefined) {
    throw new InvalidArgumentError(
      `options.${name}`,
      "left out (options: prefix, maxLeaseMs, assumeFresh)",
      name,
    );
  }
  if (typeof prefix !== "string" || !prefixPattern.test(prefix)) {
    throw new InvalidArgumentError(
      "prefix",
      "1 to 64 letters, digits, or . _ : -, a letter or digit first",
      prefix,
    );
  }
  if (!Number.isSafeInteger(maxLeaseMs) || maxLeaseMs < 100 || maxLeaseMs > longestLeaseMs) {
    throw new InvalidArgumentError("maxLeaseMs", `a whole number from 100 to ${longestLeaseMs}`, maxLeaseMs);
  }
  if (typeof assumeFresh !== "boolean")
    throw new InvalidArgumentError("assumeFresh", "true or false", assumeFresh);
  return { prefix, maxLeaseMs, assumeFresh };
}
