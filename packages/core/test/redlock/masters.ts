import { type RedisServer, startRedis } from "@sluice/testkit";
import type { Store } from "../../src/store.js";
import { type RedlockStoreOptions, redlockStore } from "../../src/stores/redlock/index.js";

/** Real masters that know nothing of each other. */
export async function startMasters(count = 3): Promise<RedisServer[]> {
  return Promise.all(Array.from({ length: count }, () => startRedis()));
}

export async function stopMasters(masters: readonly RedisServer[]): Promise<void> {
  for (const master of masters) {
    await master.stop();
  }
}

/** A store on masters that the test has started, of which nobody can hold a lease yet: they vote at once. */
export function freshStore(
  masters: readonly Pick<RedisServer, "url">[],
  options: Omit<RedlockStoreOptions, "assumeFresh"> = {},
): Store {
  return redlockStore(
    masters.map(({ url }) => url),
    { ...options, assumeFresh: true },
  );
}

export function masterAt(masters: readonly RedisServer[], index: number): RedisServer {
  const found = masters[index];
  if (found === undefined) throw new Error(`there is no master ${index}`);
  return found;
}
