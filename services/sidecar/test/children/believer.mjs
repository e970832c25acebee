// Works under permits of "api", several tasks at a time, and reports when it believed in each lease, by the monotonic
// clock that all processes of a host share. Arguments: the URL of the sidecar, how many tasks at a time, for how long
// a task holds its permit at least and at most, the lease, all in ms.
import { setMaxListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { sidecarStore } from "@sluice/client";
import { Semaphore } from "@sluice/core";

const [url, tasks, leastMs, mostMs, leaseMs] = [process.argv[2], ...process.argv.slice(3).map(Number)];
const store = sidecarStore(url);
const api = new Semaphore(store, "api", { leaseMs });

/** Leases that are held, by a name of our own, with the last moment at which each was believed in. */
const believed = new Map();
const over = new AbortController();
setMaxListeners(0, over.signal);
let names = 0;

const now = () => Number(process.hrtime.bigint()) / 1e6;
const say = (message) => console.log(JSON.stringify(message));

function look() {
  const at = now();
  for (const belief of believed.values()) if (belief.lease.remainingMs > 0) belief.to = at;
}

setInterval(look, 2).unref();

async function task() {
  while (!over.signal.aborted) {
    let lease;
    try {
      lease = await api.acquire({ waitMs: 1_000 });
    } catch (error) {
      if (!["ACQUIRE_TIMEOUT", "STORE_UNAVAILABLE"].includes(error.code))
        say({ failed: String(error.stack) });
      continue;
    }
    const from = now();
    const name = ++names;
    const belief = { lease, from, to: from };
    believed.set(name, belief);
    say({ granted: lease.fence });
    try {
      const signal = AbortSignal.any([lease.signal, over.signal]);
      await sleep(leastMs + Math.random() * (mostMs - leastMs), undefined, { signal });
    } catch {
      if (lease.signal.aborted) say({ lost: lease.fence });
    }
    look();
    believed.delete(name);
    const released = await lease.release().catch(() => "unknown");
    say({ from, to: belief.to, fence: lease.fence, released });
  }
}

const working = Array.from({ length: tasks }, task);
process.stdin.once("data", async () => {
  over.abort();
  await Promise.all(working);
  await store.close();
  say({ done: true });
  process.exit(0);
});
