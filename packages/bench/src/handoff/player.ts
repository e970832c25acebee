// One of two processes that hand a permit to and fro. Each line on its input is a move; it says when it has released,
// and when it was granted. The floor's move is a script that publishes one message to the other player.
import { createInterface } from "node:readline";
import { type Lease, Semaphore } from "@sluice/core";
import { redisStore } from "@sluice/core/redis";
import { Redis } from "ioredis";
import { monotonicMs } from "../clock.js";
import type { Move, Said } from "./handoff.js";

const [url = "", self = "", other = ""] = process.argv.slice(2);
const store = redisStore(url, { assumeFresh: true });
const leases = new Map<string, Promise<Lease>>();
const client = new Redis(url);
const sha = String(await client.script("LOAD", "return redis.call('PUBLISH', ARGV[1], 'granted')"));
client.on("message", () => say({ grantedAt: monotonicMs() }));
await client.subscribe(self);
await store.ping();
say({ ready: true });

for await (const line of createInterface({ input: process.stdin })) {
  const { move, semaphore } = JSON.parse(line) as Move;
  if (move === "acquire") acquire(semaphore);
  else if (move === "release") await release(semaphore);
  else await publish();
}

function acquire(name: string): void {
  const lease = new Semaphore(store, name).acquire({ priority: 1 });
  leases.set(name, lease);
  lease.then(() => say({ grantedAt: monotonicMs() }));
}

async function release(name: string): Promise<void> {
  const lease = await leases.get(name);
  const releasedAt = monotonicMs();
  if (!(await lease?.release())) throw new Error("the lease was lost before it was released");
  say({ releasedAt });
}

async function publish(): Promise<void> {
  const releasedAt = monotonicMs();
  await client.evalsha(sha, 0, other);
  say({ releasedAt });
}

function say(what: Said): void {
  console.log(JSON.stringify(what));
}
