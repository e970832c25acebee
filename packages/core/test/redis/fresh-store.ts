import type { Store } from "../../src/store.js";
import { type RedisStoreOptions, redisStore } from "../../src/stores/redis/index.js";

/** A store on a server that the test has started, of which nobody can hold a lease yet: it grants at once. */
export function freshStore(
  redis: Parameters<typeof redisStore>[0],
  options: Omit<RedisStoreOptions, "assumeFresh">,
): Store {
  return redisStore(redis, { ...options, assumeFresh: true });
}
