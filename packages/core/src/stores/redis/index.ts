import { Redis } from "ioredis";
import { InvalidArgumentError } from "../../errors.js";
import type { Store } from "../../store.js";
import { scripts } from "./binding.js";
import { ownClientOptions, type RedisClient, validateClient } from "./client.js";
import { RedisStore } from "./store.js";

export type { RedisClient } from "./client.js";

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
 * A store on a Redis server (7.0 or later; Valkey 7.2 or later), shared by all processes that use the same server and
 * prefix. It is exact as long as the server keeps its memory.
 *
 * ```ts
 * const store = redisStore("redis://localhost:6379");
 * ```
 *
 * @param redis a redis:// or rediss:// URL, or an ioredis client of the caller's, which `close()` leaves open
 * @throws InvalidArgumentError
 */
export function redisStore(redis: string | RedisClient, options: RedisStoreOptions = {}): Store {
  const { prefix, maxLeaseMs } = validateOptions(options);
  if (typeof redis !== "string") {
    validateClient(redis);
    return new RedisStore({ client: redis, own: false, prefix, maxLeaseMs, scripts });
  }
  if (!/^rediss?:\/\//.test(redis)) {
    throw new InvalidArgumentError("redis", "a redis:// or rediss:// URL, or an ioredis client", redis);
  }
  const client = new Redis(redis, { ...ownClientOptions });
  return new RedisStore({ client, own: true, prefix, maxLeaseMs, scripts });
}

function validateOptions(options: RedisStoreOptions): { prefix: string; maxLeaseMs: number } {
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
  return { prefix, maxLeaseMs };
}
