import {
  type RedisServer,
  type SentinelSetup,
  startCutProxy,
  startRedis,
  startSentinels,
  until,
} from "@sluice/testkit";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Lease } from "../../src/lease/lease.js";
import { Semaphore } from "../../src/semaphore.js";
import type { Store } from "../../src/store.js";
import { Believers } from "./believers.js";
import { freshStore } from "./fresh-store.js";

const maxLeaseMs = 1_000;

let setup: SentinelSetup;
let tests = 0;
let prefix = "";
const stores: Store[] = [];

beforeAll(async () => {
  setup = await startSentinels();
}, 60_000);
afterAll(() => setup.stop());

beforeEach(() => {
  tests += 1;
  prefix = `sentinel${tests}`;
});
afterEach(() => Promise.all(stores.splice(0).map((store) => store.close())));

function storeAt(redis: Parameters<typeof freshStore>[0] = setup.url): Store {
  const store = freshStore(redis, { prefix, maxLeaseMs });
  stores.push(store);
  return store;
}

function sentinelClient(): Redis {
  const sentinels = setup.sentinels.map(({ port }) => ({ host: "127.0.0.1", port }));
  return new Redis({ sentinels, name: setup.name, role: "master" });
}

describe("a master that Sentinels watch", () => {
  test("is found by a URL that names the Sentinels, of which some may be away", async () => {
    const [path] = setup.url.split("/").slice(-1);
    const semaphore = new Semaphore(
      storeAt(`redis+sentinel://127.0.0.1:1,127.0.0.1:${setup.sentinels[0]?.port}/${path}`),
      "api",
      { limit: 1 },
    );
    await (await semaphore.acquire()).release();
  });

  test("is found although the Sentinel that is named first takes every question and answers none", async () => {
    const silent = await startCutProxy(setup.sentinels[0]?.port ?? 0);
    silent.blackhole("toClient");
    const url = setup.url.replace("redis+sentinel://", `${silent.url.replace("redis:", "redis+sentinel:")},`);
    const semaphore = new Semaphore(storeAt(url), "api", { limit: 1 });
    const lease = await semaphore.acquire({ waitMs: 10_000 });
    expect(await lease.release()).toBe(true);
    await silent.close();
  }, 20_000);

  test("is told from a Sentinel, which is refused as a server", async () => {
    const store = storeAt(`redis://127.0.0.1:${setup.sentinels[0]?.port}`);
    await expect(new Semaphore(store, "api", { limit: 1 }).acquire()).rejects.toMatchObject({
      code: "STORE_INCOMPATIBLE",
      message: expect.stringContaining("redis+sentinel://"),
    });
  });

  test("that is demoted under load hands over to its replica, and the count is kept", async () => {
    const client = sentinelClient();
    const semaphores = [storeAt(), storeAt(), storeAt(client)].map(
      (store) => new Semaphore(store, "busy", { limit: 4, leaseMs: 1_000 }),
    );
    const believers = new Believers();
    const work = semaphores.flatMap((one) => Array.from({ length: 8 }, () => believers.work(one, 10)));
    await goesOn(believers);
    await setup.failOver();
    await goesOn(believers);
    believers.stop();
    await Promise.all(work);
    expect(believers.most).toBe(4);
    expect(await semaphores[0]?.inspect()).toMatchObject({ limit: 4, inUse: 0, waiting: 0 });
    client.disconnect();
  }, 60_000);
});

describe("a client that is left at a server that became a replica", () => {
  test("grants nothing by it, and serves again once that is the master", async () => {
    const [server, other] = await twoServers();
    const client = new Redis(server.url);
    const store = storeAt(client);
    const causes: unknown[] = [];
    store.observe({ recovery: ({ cause }) => causes.push(cause) });
    const semaphore = new Semaphore(store, "api", { limit: 1, leaseMs: 500 });
    await (await semaphore.acquire()).release();
    await server.command("REPLICAOF", "127.0.0.1", other.port);
    const refused = () => semaphore.tryAcquire().then(isGivenBack, (error) => /replica/.test(error.message));
    await until(refused, { what: "the store to notice" });
    await server.command("REPLICAOF", "NO", "ONE");
    const lease = await semaphore.acquire();
    // The same server in another life: its scripts are still there, but what it held may be older.
    expect(causes[0]).toMatch(/was promoted/);
    await lease.release();
    client.disconnect();
    await Promise.all([server.stop(), other.stop()]);
  });
});

describe("a client whose new connections lead to another server than its old one", () => {
  test("grants nothing until both lead to the same, and does not load the servers with attempts", async () => {
    const [old, next] = await twoServers();
    const client = new Redis(old.url);
    const another = new Redis(next.url, { lazyConnect: true });
    let leadsTo = another;
    const divided = Object.assign(Object.create(client), {
      duplicate: (options: object) => leadsTo.duplicate(options),
    });
    const madeAt = performance.now();
    const semaphore = new Semaphore(storeAt(divided), "api", { limit: 1 });
    await expect(semaphore.acquire({ waitMs: 1_000 })).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    // One look at the server and three scripts for each attempt, of which there are ten a second.
    const loads = /cmdstat_script\|load:calls=(\d+)/.exec(
      String(await next.command("INFO", "commandstats")),
    )?.[1];
    const seconds = (performance.now() - madeAt) / 1_000;
    expect(Number(loads)).toBeGreaterThan(0);
    expect(Number(loads)).toBeLessThan(60 * seconds);
    leadsTo = client;
    await (await semaphore.acquire()).release();
    client.disconnect();
    await Promise.all([old.stop(), next.stop()]);
  });
});

async function twoServers(): Promise<[RedisServer, RedisServer]> {
  return [await startRedis(), await startRedis()];
}

async function isGivenBack(lease: Lease | undefined): Promise<false> {
  await lease?.release();
  return false;
}

async function goesOn(believers: Believers): Promise<void> {
  const before = believers.done;
  await until(() => believers.done > before + 40, { what: "work to go on", timeoutMs: 15_000 });
}
