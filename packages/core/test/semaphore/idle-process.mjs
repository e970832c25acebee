/** What a program may leave behind without being kept alive by it. Runs against the built package. */
import { Semaphore } from "@sluice/core";
import { memoryStore } from "@sluice/core/memory";

const scene = process.argv[2];
const semaphore = new Semaphore(memoryStore(), "openai", { limit: 3, leaseMs: 5_000 });

const scenes = {
  constructed: () => undefined,
  used: () => semaphore.use(() => "answer"),
  holding: async () => {
    for (const lease of [await semaphore.acquire(), await semaphore.acquire()]) void lease.signal;
  },
  lapsing: async () => {
    const lease = await semaphore.acquire();
    await lease.release();
    await semaphore.tryAcquire({ leaseMs: 100 });
  },
  imports: async () => {
    const { createRequire } = await import("node:module");
    const loaded = Object.keys(createRequire(import.meta.url).cache);
    const optional = loaded.filter((file) => /node_modules.(ioredis|redlock|prom-client)/.test(file));
    if (optional.length > 0) throw new Error(`loaded ${optional[0]}`);
  },
};

await scenes[scene]();
console.log(`${scene}: end of the program`);
