import { type RedisCluster, type RedisServer, startCluster, startCutProxy, until } from "@sluice/testkit";
import { Cluster, Redis, ReplyError } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Semaphore } from "../../src/semaphore.js";
import type { Store } from "../../src/store.js";
import type { RedisCluster as RedisClusterClient } from "../../src/stores/redis/index.js";
import { Believers } from "./believers.js";
import { freshStore } from "./fresh-store.js";

let cluster: RedisCluster;
let tests = 0;
let prefix = "";
const stores: Store[] = [];

beforeAll(async () => {
  cluster = await startCluster({ replicas: 0 });
}, 60_000);
afterAll(() => cluster.stop());

beforeEach(() => {
  tests += 1;
  prefix = `cluster${tests}`;
});
afterEach(() => Promise.all(stores.splice(0).map((store) => store.close())));

function storeAt(redis: Parameters<typeof freshStore>[0] = cluster.url, maxLeaseMs = 15_000): Store {
  const store = freshStore(redis, { prefix, maxLeaseMs });
  stores.push(store);
  return store;
}

async function ownerOf(semaphore: string): Promise<RedisServer> {
  return cluster.ownerOf(await cluster.slotOf(semaphore));
}

/** Names of semaphores that each master keeps one of. */
async function oneOnEachNode(): Promise<Map<RedisServer, string>> {
  const names = new Map<RedisServer, string>();
  for (let tried = 0; names.size < cluster.nodes.length; tried += 1) {
    names.set(await ownerOf(`api${tried}`), `api${tried}`);
  }
  return names;
}

describe("a Cluster", () => {
  test("keeps semaphores on all of its nodes, each with all its keys in one slot", async () => {
    const store = storeAt();
    const names = await oneOnEachNode();
    for (const name of names.values()) await new Semaphore(store, name, { limit: 1 }).acquire();
    for (const [node, name] of names) {
      const keys = (await node.command("KEYS", `${prefix}:*`)) as unknown[];
      const slots = new Set(await Promise.all(keys.map((key) => cluster.slotOf(String(key)))));
      slots.delete(await cluster.slotOf(`${prefix}:semaphores`));
      expect([...slots]).toEqual([await cluster.slotOf(name)]);
    }
    const listed = (await store.list()).semaphores.map(({ semaphore }) => semaphore);
    expect(listed).toEqual([...names.values()].sort());
  });

  test("hands a permit over from one client to another by a push", async () => {
    const holder = new Semaphore(storeAt(), "api", { limit: 1 });
    const waiter = new Semaphore(storeAt(), "api", { limit: 1 });
    const held = await holder.acquire();
    const waiting = waiter.acquire();
    await until(async () => (await holder.inspect()).waiting === 1, { what: "the waiter" });
    await held.release();
    // Without the push the waiter would ask only with its next heartbeat, a quarter of a lease later.
    expect((await waiting).remainingMs).toBeGreaterThan(8_500);
  });

  test("flushed of its scripts goes on as if nothing had happened", async () => {
    const semaphore = new Semaphore(storeAt(), "api", { limit: 2 });
    await semaphore.acquire();
    await (await ownerOf("api")).command("SCRIPT", "FLUSH");
    expect(await semaphore.tryAcquire()).toBeDefined();
  });

  test("is found as long as one of the nodes in the URL answers", async () => {
    const semaphore = new Semaphore(
      storeAt(`redis+cluster://127.0.0.1:1,127.0.0.1:${cluster.nodes[1]?.port}`),
      "api",
      {
        limit: 1,
      },
    );
    await (await semaphore.acquire()).release();
  });

  test("that cannot be reached at first is found when it can", async () => {
    const proxy = await startCutProxy(cluster.nodes[0]?.port ?? 0);
    proxy.refusing = true;
    const semaphore = new Semaphore(storeAt(proxy.url.replace("redis:", "redis+cluster:")), "api", {
      limit: 1,
    });
    const waiting = semaphore.acquire();
    await expect(semaphore.tryAcquire()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    proxy.refusing = false;
    await (await waiting).release();
    await proxy.close();
  });

  test("that is not there fails those who do not wait, and says so", async () => {
    const store = storeAt("redis+cluster://127.0.0.1:1");
    const semaphore = new Semaphore(store, "api", { limit: 1 });
    await expect(semaphore.tryAcquire()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    await expect(store.ping()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    await expect(store.list()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  });
});

describe("a node of a Cluster", () => {
  test("is refused as a single server, with the way out", async () => {
    const [node] = cluster.nodes;
    const before = await rejectedBatches(node);
    const semaphore = new Semaphore(storeAt(node?.url), "api", { limit: 1 });
    await expect(semaphore.acquire()).rejects.toMatchObject({
      code: "STORE_INCOMPATIBLE",
      message: expect.stringContaining("redis+cluster://"),
    });
    expect(await rejectedBatches(node)).toBe(before);
  });

  test("that is stopped holds nobody up who looks where other nodes' slots are", async () => {
    const names = await oneOnEachNode();
    const [stopped, target, home] = [...names.keys()] as [RedisServer, RedisServer, RedisServer];
    const store = storeAt(cluster.url, 1_000);
    const busy = new Semaphore(store, names.get(stopped) ?? "", { limit: 1, leaseMs: 1_000 });
    const moving = new Semaphore(store, names.get(home) ?? "", { limit: 1, leaseMs: 1_000 });
    for (const semaphore of [busy, moving]) await (await semaphore.acquire()).release();
    stopped.pause();
    try {
      // Its call is given up after five seconds, and then it is looked where the slots are.
      const called = busy.tryAcquire().catch(() => undefined);
      const fresh = new Semaphore(store, await anotherOn(stopped, names), { limit: 1 });
      const subscribed = fresh.acquire({ waitMs: 20_000 }).catch(() => undefined);
      await called;
      await cluster.moveSlot(await cluster.slotOf(moving.name), target);
      const lease = await moving.acquire({ waitMs: 10_000 });
      expect(await lease.release()).toBe(true);
      stopped.resume();
      await (await subscribed)?.release();
    } finally {
      stopped.resume();
      await cluster.moveSlot(await cluster.slotOf(moving.name), home);
    }
  }, 60_000);

  test("that is cut off from the others is not believed what it says of them", async () => {
    const semaphore = new Semaphore(storeAt(await cutOffFrom(await ownerOf("api")), 1_000), "api", {
      limit: 1,
      leaseMs: 1_000,
    });
    const lease = await semaphore.acquire({ waitMs: 10_000 });
    expect(await lease.release()).toBe(true);
  }, 30_000);
});

describe("a Cluster client of the caller's", () => {
  test("serves as a store, and outlives it", async () => {
    const client = new Cluster([{ host: "127.0.0.1", port: cluster.nodes[0]?.port ?? 0 }]);
    const store = storeAt(client);
    const semaphore = new Semaphore(store, "api", { limit: 1 });
    const lease = await semaphore.acquire();
    expect(await lease.release()).toBe(true);
    await store.close();
    expect(await client.set(`${prefix}:alive`, "yes")).toBe("OK");
    client.disconnect();
  });

  test("has its map of addresses heeded", async () => {
    const proxies = await Promise.all(cluster.nodes.map(({ port }) => startCutProxy(port)));
    const reached = proxies.map((proxy) => ({ host: "127.0.0.1", port: Number(new URL(proxy.url).port) }));
    const natMap = Object.fromEntries(
      cluster.nodes.map(({ port }, at) => [`127.0.0.1:${port}`, reached[at]]),
    );
    const client = new Cluster(reached.slice(0, 1) as { host: string; port: number }[], {
      natMap: natMap as Record<string, { host: string; port: number }>,
    });
    const store = storeAt(client);
    for (const name of (await oneOnEachNode()).values())
      await new Semaphore(store, name, { limit: 1 }).acquire();
    await client.quit();
    // Two connections to each, none of them the client's.
    await until(() => proxies.every(({ connections }) => connections === 2), {
      what: "two connections to each",
    });
    await store.close();
    await Promise.all(proxies.map((proxy) => proxy.close()));
  });

  test("with a keyPrefix is refused", () => {
    const client = new Cluster([{ host: "127.0.0.1", port: 1 }], { lazyConnect: true, keyPrefix: "app:" });
    expect(() => storeAt(client)).toThrow(/without keyPrefix/);
  });
});

describe("a slot that moves to another node under load", () => {
  test("keeps the count, loses nobody, and pauses for no longer than the longest lease", async () => {
    const stores = [storeAt(cluster.url, 1_000), storeAt(cluster.url, 1_000), storeAt(cluster.url, 1_000)];
    const semaphores = stores.map((store) => new Semaphore(store, "busy", { limit: 4, leaseMs: 1_000 }));
    const believers = new Believers();
    const work = semaphores.flatMap((one) => Array.from({ length: 8 }, () => believers.work(one, 10)));
    const slot = await cluster.slotOf("busy");
    const home = await cluster.ownerOf(slot);
    const elsewhere = cluster.nodes.find((node) => node !== home) as RedisServer;
    for (const target of [elsewhere, home]) {
      await goesOn(believers);
      await cluster.moveSlot(slot, target);
      const movedAt = performance.now();
      await goesOn(believers);
      expect(performance.now() - movedAt).toBeLessThan(3_000);
    }
    believers.stop();
    await Promise.all(work);
    expect(believers.most).toBe(4);
    expect(await semaphores[0]?.inspect()).toMatchObject({
      limit: 4,
      inUse: 0,
      waiting: 0,
      recovering: false,
    });
  }, 30_000);

  test("takes its leases along, which are renewed and released there", async () => {
    const semaphore = new Semaphore(storeAt(cluster.url, 3_000), "api", { limit: 2, leaseMs: 3_000 });
    const lease = await semaphore.acquire();
    const home = await ownerOf("api");
    const elsewhere = cluster.nodes.find((node) => node !== home) as RedisServer;
    await cluster.moveSlot(await cluster.slotOf("api"), elsewhere);
    const other = await semaphore.acquire();
    // The second one was granted after the pause, and so after several renewals of the first.
    expect(other.fence).toBeGreaterThan(lease.fence);
    expect(lease.signal.aborted).toBe(false);
    expect(await lease.release()).toBe(true);
    expect(await other.release()).toBe(true);
  }, 30_000);
});

describe("a slot that moves away and comes back before anybody has asked for it", () => {
  test("has its waiters told by pushes again", async () => {
    const holder = new Semaphore(storeAt(), "api", { limit: 1 });
    const waiter = new Semaphore(storeAt(), "api", { limit: 1 });
    const held = await holder.acquire();
    const waiting = waiter.acquire();
    await until(async () => (await holder.inspect()).waiting === 1, { what: "the waiter" });
    const [slot, home] = [await cluster.slotOf("api"), await ownerOf("api")];
    const channels = async () => (await home.command("PUBSUB", "SHARDCHANNELS", `${prefix}:*`)) as unknown[];
    expect(await channels()).toHaveLength(2);
    await cluster.moveSlot(slot, cluster.nodes.find((node) => node !== home) as RedisServer);
    await cluster.moveSlot(slot, home);
    await until(async () => (await channels()).length === 2, { what: "both to listen again" });
    await held.release();
    await (await waiting).release();
  }, 30_000);
});

async function rejectedBatches(node: RedisServer | undefined): Promise<number> {
  const statistics = String(await node?.command("INFO", "commandstats"));
  return Number(/^cmdstat_evalsha:.*rejected_calls=(\d+)/m.exec(statistics)?.[1] ?? 0);
}

/** The name of another semaphore that the node keeps. */
async function anotherOn(node: RedisServer, names: ReadonlyMap<RedisServer, string>): Promise<string> {
  for (let tried = 0; ; tried += 1) {
    const name = `another${tried}`;
    if (name !== names.get(node) && (await ownerOf(name)) === node) return name;
  }
}

/**
 * A client of the Cluster that was told of it by a node that is cut off: one that is not the keeper of the semaphore, says
 * that it is, and serves nobody.
 */
async function cutOffFrom(keeper: RedisServer): Promise<RedisClusterClient> {
  const liar = cluster.nodes.find((node) => node !== keeper) as RedisServer;
  const old = (await liar.command("CLUSTER", "SLOTS")) as [number, number, [string, number]][];
  const slots = old.map(([from, to]) => [from, to, ["127.0.0.1", liar.port]]);
  const isDown = () => Promise.reject(new ReplyError("CLUSTERDOWN The cluster is down"));
  const lying = (client: Redis): Redis => {
    const { call, duplicate } = client;
    return Object.assign(client, {
      call: (command: string, ...args: string[]) =>
        command === "CLUSTER" ? Promise.resolve(slots) : call.apply(client, [command, ...args]),
      evalsha: isDown,
      ssubscribe: isDown,
      duplicate: (options: object) => lying(duplicate.call(client, options)),
    });
  };
  const duplicate = (options: object) => {
    const client = new Redis(options);
    return client.options.port === liar.port ? lying(client) : client;
  };
  const nodes = [liar, keeper].map(({ port }) => ({ options: { host: "127.0.0.1", port }, duplicate }));
  return {
    isCluster: true,
    status: "ready",
    options: {},
    nodes: () => nodes,
    connect: async () => {},
    evalsha: () => {},
  } as unknown as RedisClusterClient;
}

async function goesOn(believers: Believers): Promise<void> {
  const before = believers.done;
  await until(() => believers.done > before + 40, { what: "work to go on", timeoutMs: 10_000 });
}
