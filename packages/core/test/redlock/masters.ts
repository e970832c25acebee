import { randomUUID } from "node:crypto";
import { type RedisServer, startRedis, until } from "@sluice/testkit";
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

/**
 * Resolves when the store has met all masters, and asks them all. Until then it may go on with a majority, of which none
 * can be missed.
 */
export async function meetsAll(store: Store, masters: readonly RedisServer[]): Promise<void> {
  const semaphore = `met-${randomUUID()}`;
  const isToldOf = (master: RedisServer) => master.command("EXISTS", `sluice:quorum:{${semaphore}}:facts`);
  await until(
    async () => {
      await store.define(semaphore, { limit: 1, leaseMs: 1_000, maxWaiters: 1 });
      return (await Promise.all(masters.map(isToldOf))).every((told) => told === 1);
    },
    { what: "all masters to be met", timeoutMs: 10_000 },
  );
}

export function masterAt(masters: readonly RedisServer[], index: number): RedisServer {
  const found = masters[index];
  if (found === undefined) throw new Error(`there is no master ${index}`);
  return found;
}
