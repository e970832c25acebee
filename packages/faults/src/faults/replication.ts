import { setTimeout as sleep } from "node:timers/promises";
import { monotonicMs, type RedisServer, until } from "@sluice/testkit";
import { between, type Fault, leaseMs, mixedCrew } from "../fault.js";
import { during } from "../outage.js";
import type { World } from "../world.js";

const stage = { crew: mixedCrew, replica: true, front: true } as const;

export const faultsOfReplication: readonly Fault[] = [
  {
    name: "a replica without the last writes is promoted",
    promise: "kept",
    idleMs: leaseMs,
    stage,
    async inflict(world) {
      await replicaFallsBehind(world);
      return during(() => switchTo(world, world.replica, () => world.redis.kill()));
    },
  },
  {
    name: "a replica without the last writes is promoted, and later the old master again",
    promise: "kept",
    idleMs: leaseMs,
    stage,
    async inflict(world) {
      const { redis, replica, random } = world;
      await replicaFallsBehind(world);
      return during(async () => {
        await switchTo(world, replica);
        await follow(redis, replica);
        await sleep(between(random, [0, 2 * leaseMs]));
        await redis.command("REPLICAOF", "NO", "ONE");
        // What is written here is lost: the old master has stopped following, and nobody is led to it yet.
        await sleep(between(random, [0, 0.3 * leaseMs]));
        await switchTo(world, redis);
      });
    },
  },
  {
    name: "split brain: half of the processes stay at the old master for a while",
    promise: "regained",
    idleMs: 2 * leaseMs,
    order: false,
    fences: false,
    stage,
    async inflict(world) {
      const { redis, replica, front, random } = world;
      await replicaFallsBehind(world);
      await replica.command("REPLICAOF", "NO", "ONE");
      front.redirect(replica.port);
      let asked = between(random, [0, 1]);
      front.cutSome(() => asked++ % 2 === 0);
      await sleep(between(random, [1.2 * leaseMs, 2.5 * leaseMs]));
      const regainFrom = monotonicMs();
      front.cutAll();
      await redis.kill();
      return { outages: [], regainFrom };
    },
  },
];

/** The replica misses what is written from some moment on. */
async function replicaFallsBehind({ replicationLink, random }: World): Promise<void> {
  replicationLink.blackhole("toClient");
  await sleep(between(random, [50, 2.5 * leaseMs]));
}

/** Leads everybody to `server`, which is no replica any more. */
async function switchTo(
  { front }: World,
  server: RedisServer,
  meanwhile: () => Promise<void> = async () => {},
): Promise<void> {
  front.refusing = true;
  front.cutAll();
  await meanwhile();
  await server.command("REPLICAOF", "NO", "ONE");
  front.redirect(server.port);
  front.refusing = false;
}

async function follow(replica: RedisServer, master: RedisServer): Promise<void> {
  await replica.command("REPLICAOF", "127.0.0.1", master.port);
  const linked = async () => String(await replica.command("INFO", "replication")).includes("link_status:up");
  await until(linked, { what: "the old master to follow the new one", timeoutMs: 10_000 });
}
