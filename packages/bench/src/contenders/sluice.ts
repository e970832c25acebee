import { Semaphore } from "@sluice/core";
import { redisStore } from "@sluice/core/redis";
import type { Contender } from "./contender.js";

/** With the defaults, a lease of 10 s among them. */
export async function openSluice(url: string, name: string, limit: number): Promise<Contender> {
  const store = redisStore(url, { assumeFresh: true });
  const semaphore = new Semaphore(store, name, { limit });
  await store.ping();
  return {
    async hold(work) {
      const lease = await semaphore.acquire();
      try {
        await work();
      } finally {
        await lease.release();
      }
    },
    close: () => store.close(),
  };
}
