import { Redis } from "ioredis";
import { Semaphore } from "redis-semaphore";
import { type Contender, leaseMs } from "./contender.js";

/** Its default would give up after 10 s; everybody else here waits without end. */
const acquireTimeout = Number.POSITIVE_INFINITY;

/** One object for each holder, as its documentation has it. */
export async function openRedisSemaphore(url: string, name: string, limit: number): Promise<Contender> {
  const client = new Redis(url);
  await client.ping();
  return {
    async hold(work) {
      const semaphore = new Semaphore(client, name, limit, { lockTimeout: leaseMs, acquireTimeout });
      await semaphore.acquire();
      try {
        await work();
      } finally {
        await semaphore.release();
      }
    },
    async close() {
      client.disconnect();
    },
  };
}
