// One process of a fleet: runs its tasks under a limit that it shares, and tells when each ran.
// Arguments: JSON { url, prefix, limit, leaseMs, tasks, upstream }. Says { ready }, then waits for a line on stdin.
import { request } from "node:http";
import { Semaphore } from "@sluice/core";
import { redisStore } from "@sluice/core/redis";

const { url, prefix, limit, leaseMs, tasks, upstream } = JSON.parse(process.argv[2]);
const store = redisStore(url, { prefix, assumeFresh: true });
const semaphore = new Semaphore(store, "api", { limit, leaseMs });
const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);
// One clock for all processes of a host.
const nowNs = () => Number(process.hrtime.bigint());

function callUpstream() {
  return new Promise((resolve, reject) => {
    request(upstream, (response) => response.resume().on("end", resolve))
      .on("error", reject)
      .end();
  });
}

const warmUp = await semaphore.acquire();
await warmUp.release();
say({ ready: true });
await new Promise((resolve) => process.stdin.once("data", resolve));

await Promise.all(
  Array.from({ length: tasks }, (_, task) =>
    semaphore.use(async ({ fence }) => {
      const from = nowNs();
      if (task === 0) say({ holding: true });
      await callUpstream();
      say({ task, fence, from, to: nowNs() });
    }),
  ),
);
await store.close();
process.stdin.unref();
