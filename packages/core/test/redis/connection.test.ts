import { inspect } from "node:util";
import {
  type CutProxy,
  type RedisServer,
  seededRandom,
  startCutProxy,
  startRedis,
  until,
} from "@sluice/testkit";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Semaphore } from "../../src/semaphore.js";
import type { Store } from "../../src/store.js";
import { redisStore } from "../../src/stores/redis/index.js";
import { freshStore } from "./fresh-store.js";

let server: RedisServer;
let proxy: CutProxy;
let tests = 0;
let prefix = "";
const stores: Store[] = [];

/** A store of this test's count: straight to the server, or through the proxy. */
function storeAt(url: string): Store {
  const store = freshStore(url, { prefix });
  stores.push(store);
  return store;
}

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());

beforeEach(async () => {
  tests += 1;
  prefix = `connection${tests}`;
  proxy = await startCutProxy(server.port);
});
afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.close()));
  await proxy.close();
});

const isBatch = ({ command }: { command: string }) => command === "EVALSHA";

/** The work of one semaphore, which knows how many of it run at once. */
class Work {
  running = 0;
  most = 0;
  done = 0;

  async run(pauseMs: number): Promise<void> {
    this.running += 1;
    this.most = Math.max(this.most, this.running);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    this.running -= 1;
    this.done += 1;
  }
}

describe("a connection that is cut", () => {
  test("after a grant was made, before its reply, the same request gets the same lease", async () => {
    const semaphore = new Semaphore(storeAt(proxy.url), "api", { limit: 1 });
    await (await semaphore.acquire()).release();
    const cut = proxy.cutNext("cut-after", isBatch);
    const lease = await semaphore.acquire();
    await cut;
    const seen = await semaphore.inspect();
    expect(seen).toMatchObject({ inUse: 1, grantsTotal: 2 });
    expect(seen.leases[0]).toMatchObject({ lease: lease.id, fence: lease.fence });
  });

  test("after a release was made, before its reply, the release counts as made", async () => {
    const semaphore = new Semaphore(storeAt(proxy.url), "api", { limit: 1 });
    const lease = await semaphore.acquire();
    const cut = proxy.cutNext("cut-after", isBatch);
    expect(await lease.release()).toBe(true);
    await cut;
    expect(await semaphore.inspect()).toMatchObject({ inUse: 0 });
  });

  test("after a grant to one who does not wait, before its reply, the grant is taken back", async () => {
    const semaphore = new Semaphore(storeAt(proxy.url), "api", { limit: 1 });
    await (await semaphore.acquire()).release();
    const cut = proxy.cutNext("cut-after", isBatch);
    await expect(semaphore.tryAcquire()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    await cut;
    const observer = new Semaphore(storeAt(server.url), "api", { limit: 1 });
    await until(async () => (await observer.inspect()).inUse === 0, { what: "the grant to be taken back" });
    expect(await observer.inspect()).toMatchObject({ grantsTotal: 2, lapsesTotal: 0 });
  });

  test("before the request arrived, it is asked again", async () => {
    const semaphore = new Semaphore(storeAt(proxy.url), "api", { limit: 1 });
    await (await semaphore.acquire()).release();
    const cut = proxy.cutNext("cut-before", isBatch);
    const lease = await semaphore.acquire();
    await cut;
    expect(await lease.release()).toBe(true);
  });

  test("while many wait, loses nobody and doubles nothing", async () => {
    const holder = new Semaphore(storeAt(server.url), "api", { limit: 1 });
    const waiter = new Semaphore(storeAt(proxy.url), "api", { limit: 1 });
    const held = await holder.acquire();
    const work = new Work();
    const waiting = Promise.all(Array.from({ length: 400 }, () => waiter.use(() => work.run(0))));
    await until(async () => (await holder.inspect()).waiting === 400, { what: "400 waiters" });
    proxy.cutAll();
    await held.release();
    await waiting;
    expect(work).toMatchObject({ most: 1, done: 400 });
    expect(await holder.inspect()).toMatchObject({ inUse: 0, waiting: 0, grantsTotal: 401 });
  });

  test("at random, thousands of times, doubles no grant and loses none", async () => {
    const seed = Number(process.env.SLUICE_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
    console.log(`seed ${seed}`);
    const random = seededRandom(seed);
    proxy.onRequest = (request) => {
      if (!isBatch(request)) return "pass";
      const roll = random();
      if (roll < 0.2) return "cut-after";
      return roll < 0.25 ? "cut-before" : "pass";
    };
    const limit = 3;
    const semaphores = Array.from({ length: 4 }, () => new Semaphore(storeAt(proxy.url), "api", { limit }));
    const work = new Work();
    // Two callers of each go through everything; so calls stay small, and there are many of them.
    const run = async (semaphore: Semaphore) => {
      while (proxy.counts.cutAfter + proxy.counts.cutBefore < 2_000) await semaphore.use(() => work.run(0));
    };
    await Promise.all(semaphores.flatMap((semaphore) => [run(semaphore), run(semaphore)]));
    proxy.onRequest = () => "pass";
    expect(work.most).toBeLessThanOrEqual(limit);
    const seen = await new Semaphore(storeAt(server.url), "api", { limit }).inspect();
    // A grant that is doubled would be granted and never released; one that is lost would lapse.
    expect(seen).toMatchObject({ inUse: 0, waiting: 0, lapsesTotal: 0, grantsTotal: work.done });
  }, 120_000);
});

describe("a push that is swallowed", () => {
  test("does not cost the waiter its permit: it has it within a third of a lease", async () => {
    const holder = new Semaphore(storeAt(server.url), "api", { limit: 1, leaseMs: 1_500 });
    const waiter = new Semaphore(storeAt(proxy.url), "api", { limit: 1 });
    const held = await holder.acquire();
    const swallowed = proxy.swallowNext();
    const lease = waiter.acquire();
    await until(async () => (await holder.inspect()).waiting === 1, { what: "the waiter" });
    await held.release();
    const releasedAt = performance.now();
    await swallowed;
    expect((await lease).remainingMs).toBeGreaterThan(0);
    // Two thirds are left of the lease, so the promise is kept with room for a slow machine.
    expect(performance.now() - releasedAt).toBeLessThan(1_500);
    expect(await holder.inspect()).toMatchObject({ inUse: 1, grantsTotal: 2, lapsesTotal: 0 });
  });

  test("is found out by a later push to the same process", async () => {
    const holder = new Semaphore(storeAt(server.url), "api", { limit: 1 });
    const waiter = new Semaphore(storeAt(proxy.url), "api", { limit: 1 });
    const held = await holder.acquire();
    const swallowed = proxy.swallowNext();
    const first = waiter.acquire();
    const second = waiter.acquire();
    await until(async () => (await holder.inspect()).waiting === 2, { what: "two waiters" });
    await held.release();
    await swallowed;
    // The next call of any kind shows that the two sides differ.
    await waiter.acquire({ waitMs: 50 }).catch(() => undefined);
    await (await first).release();
    await (await second).release();
    expect(await holder.inspect()).toMatchObject({ inUse: 0, waiting: 0, lapsesTotal: 0 });
  });
});

describe("a push that comes together with the reply before it", () => {
  test("is heeded at once, although the reply takes longer inside the client", async () => {
    const holder = new Semaphore(storeAt(server.url), "api", { limit: 1 });
    const waiter = new Semaphore(storeAt(proxy.url), "api", { limit: 1 });
    await (await waiter.acquire()).release();
    const held = await holder.acquire();
    proxy.blackhole("toClient");
    const waiting = waiter.acquire();
    await until(async () => (await holder.inspect()).waiting === 1, { what: "the waiter" });
    await held.release();
    proxy.heal();
    // Without the push the waiter would ask only with its next heartbeat, a quarter of a lease later.
    expect((await waiting).remainingMs).toBeGreaterThan(8_500);
  });
});

describe("a revocation that comes together with the reply before it", () => {
  test("is told to whoever claimed the lease", async () => {
    const holder = storeAt(server.url);
    const claimer = storeAt(proxy.url);
    const lease = await new Semaphore(holder, "api", { limit: 1 }).acquire();
    await claimer.renew("api", [{ lease: lease.id }]);
    const told: string[] = [];
    proxy.blackhole("toClient");
    const onLost = (reason: string) => told.push(reason);
    const claimed = claimer.claim("api", [{ lease: lease.id, attempt: "the-claim", onLost }]);
    const record = () => server.command("HGET", `${prefix}:{api}:leases`, lease.id);
    await until(async () => String(await record()).includes("the-claim"), { what: "the claim to be made" });
    await holder.revoke("api", lease.id);
    proxy.heal();
    expect(await claimed).toMatchObject([{ renewed: true }]);
    await until(() => told.length > 0, { what: "the claimer to be told" });
    expect(told).toEqual(["revoked"]);
  });
});

describe("a server", () => {
  test("whose script cache is flushed goes on as if nothing had happened", async () => {
    const semaphore = new Semaphore(storeAt(server.url), "api", { limit: 2 });
    const before = await semaphore.acquire();
    await server.command("SCRIPT", "FLUSH");
    const after = await semaphore.tryAcquire();
    expect(after?.fence).toBeGreaterThan(before.fence);
    expect(await before.release()).toBe(true);
  });

  test("that ran out of memory refuses grants, and takes releases and renewals", async () => {
    const small = await startRedis();
    const store = freshStore(small.url, { prefix });
    try {
      const semaphore = new Semaphore(store, "api", { limit: 10, leaseMs: 3_000 });
      const lease = await semaphore.acquire();
      const other = await semaphore.acquire();
      await small.command("CONFIG", "SET", "maxmemory", "1mb");
      await expect(semaphore.acquire()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
      await expect(semaphore.tryAcquire()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
      expect(await other.release()).toBe(true);
      const endsAt = () => performance.now() + lease.remainingMs;
      const before = endsAt();
      await until(() => endsAt() > before + 500, { what: "a renewal" });
      await small.command("CONFIG", "SET", "maxmemory", "0");
      const again = await until(() => semaphore.tryAcquire().catch(() => undefined), { what: "a grant" });
      expect(again.fence).toBeGreaterThan(lease.fence);
      expect(lease.signal.aborted).toBe(false);
    } finally {
      await store.close();
      await small.stop();
    }
  });

  test("that is away fails those who do not wait at once, and the others at the end of their wait", async () => {
    const semaphore = new Semaphore(storeAt(proxy.url), "api", { limit: 1 });
    await (await semaphore.acquire()).release();
    proxy.refusing = true;
    proxy.cutAll();
    await until(
      () =>
        semaphore.tryAcquire().then(
          () => false,
          (error) => error.code === "STORE_UNAVAILABLE",
        ),
      {
        what: "the loss of the connection",
      },
    );
    await expect(semaphore.acquire({ waitMs: 50 })).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    const patient = semaphore.acquire();
    proxy.refusing = false;
    await (await patient).release();
    expect(await semaphore.inspect()).toMatchObject({ inUse: 0, waiting: 0 });
  });

  test("that accepts and says nothing is tried again, and found when it speaks", async () => {
    proxy.blackhole("toClient");
    const semaphore = new Semaphore(storeAt(proxy.url), "api", { limit: 1 });
    const waiting = semaphore.acquire();
    await until(() => proxy.counts.connections >= 2, {
      what: "another attempt to connect",
      timeoutMs: 15_000,
    });
    proxy.heal();
    await (await waiting).release();
  }, 30_000);

  test("that is stopped for a while loses nobody and lets nobody in beside", async () => {
    const semaphores = [storeAt(server.url), storeAt(server.url)].map(
      (store) => new Semaphore(store, "api", { limit: 2 }),
    );
    const work = new Work();
    const runs = semaphores.flatMap((semaphore) =>
      Array.from({ length: 40 }, () => semaphore.use(() => work.run(20))),
    );
    await until(() => work.done > 10, { what: "some of the work" });
    server.pause();
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    server.resume();
    await Promise.all(runs);
    expect(work).toMatchObject({ most: 2, done: 80 });
    expect(await semaphores[0]?.inspect()).toMatchObject({ inUse: 0, waiting: 0 });
  });

  test("that is stopped keeps nobody who looks at it waiting without end", async () => {
    const store = storeAt(server.url);
    const semaphore = new Semaphore(store, "api", { limit: 2 });
    await (await semaphore.acquire()).release();
    const warnings: Error[] = [];
    const warned = (warning: Error) => warnings.push(warning);
    process.on("warning", warned);
    server.pause();
    try {
      const many = Array.from({ length: 30 }, () => semaphore.inspect());
      const looks = await Promise.allSettled([...many, store.list()]);
      expect(looks).toMatchObject(looks.map(() => ({ reason: { code: "STORE_UNAVAILABLE" } })));
    } finally {
      server.resume();
      process.off("warning", warned);
    }
    expect(warnings, "as the connection is ended by each of them anew").toEqual([]);
    await until(() => semaphore.inspect().catch(() => undefined), { what: "the server to be found again" });
  }, 30_000);

  test("that restarts without its data goes on for those who wait", async () => {
    const lossy = await startRedis();
    const store = freshStore(lossy.url, { prefix, maxLeaseMs: 1_000 });
    stores.push(store);
    const semaphore = new Semaphore(store, "api", { limit: 1, leaseMs: 1_000 });
    const held = await semaphore.acquire();
    const waits = [semaphore.acquire(), semaphore.acquire()];
    await until(async () => (await semaphore.inspect()).waiting === 2, { what: "two waiters" });
    await lossy.restart({ empty: true });
    await held.release();
    for (const wait of waits) await (await wait).release();
    expect(await semaphore.inspect()).toMatchObject({ inUse: 0, waiting: 0 });
    await lossy.stop();
  });

  test("whose script cache is flushed can still be looked at", async () => {
    const store = storeAt(server.url);
    const semaphore = new Semaphore(store, "api", { limit: 2 });
    const lease = await semaphore.acquire();
    await server.command("SCRIPT", "FLUSH");
    expect(await semaphore.inspect()).toMatchObject({ inUse: 1 });
    await server.command("SCRIPT", "FLUSH");
    expect((await store.list()).semaphores).toHaveLength(1);
    await lease.release();
  });

  test("that is too old is refused with a clear error", async () => {
    const client = new Redis(server.url);
    const old = Object.assign(Object.create(client), {
      duplicate: (options: object) => {
        const copy = client.duplicate(options);
        const { call } = copy;
        copy.call = (async (command: string, ...args: string[]) => {
          if (command !== "INFO") return call.apply(copy, [command, ...args]);
          return "redis_version:6.2.14\r\nrun_id:abc\r\n";
        }) as typeof copy.call;
        return copy;
      },
    });
    const store = freshStore(old, { prefix });
    stores.push(store);
    const acquired = new Semaphore(store, "api", { limit: 1 }).acquire();
    await expect(acquired).rejects.toMatchObject({
      code: "STORE_INCOMPATIBLE",
      message: expect.stringContaining("6.2.14"),
    });
    client.disconnect();
  });
});

describe("what is told of a failure", () => {
  test("holds neither a password nor the names of leases", async () => {
    const locked = await startRedis();
    await locked.command("CONFIG", "SET", "requirepass", "right");
    const store = freshStore(`redis://:wrong-secret@127.0.0.1:${locked.port}`, { prefix });
    stores.push(store);
    const told: unknown[] = [];
    store.observe({ availability: (event) => told.push(event) });
    await until(() => told.length > 0, { what: "the refusal" });
    const error: unknown = await new Semaphore(store, "api", { limit: 1 })
      .acquire({ waitMs: 300 })
      .catch((e) => e);
    expect(error).toMatchObject({ code: "STORE_UNAVAILABLE", message: expect.stringContaining("WRONGPASS") });
    expect(told).toHaveLength(1);
    expect(inspect([error, told], { depth: 10, showHidden: true })).not.toContain("wrong-secret");
    await locked.stop();
  });
});

test("a semaphore that is made anew after the server lost its data is listed again", async () => {
  const lossy = await startRedis();
  const store = freshStore(lossy.url, { prefix, maxLeaseMs: 1_000 });
  stores.push(store);
  const semaphore = new Semaphore(store, "api", { limit: 1, leaseMs: 1_000 });
  await (await semaphore.acquire()).release();
  await lossy.restart({ empty: true });
  await (await semaphore.acquire()).release();
  const names = async () => (await store.list()).semaphores.map((one) => one.semaphore);
  await until(async () => (await names()).includes("api"), { what: "the name" });
  await lossy.stop();
});

describe("a client of the caller's", () => {
  test("serves as a store, and outlives it", async () => {
    const client = new Redis(server.url, { protocol: 2 });
    const store = freshStore(client, { prefix });
    const one = new Semaphore(store, "api", { limit: 1 });
    const other = new Semaphore(storeAt(server.url), "api", { limit: 1 });
    const held = await other.acquire();
    const waiting = one.acquire();
    await until(async () => (await other.inspect()).waiting === 1, { what: "the waiter" });
    await held.release();
    const lease = await waiting;
    // Told by a push: without one, the waiter would have asked only with its next heartbeat, a quarter of a lease later.
    expect(lease.remainingMs).toBeGreaterThan(8_500);
    expect(await lease.release()).toBe(true);
    await store.close();
    expect(await client.ping()).toBe("PONG");
    client.disconnect();
  });

  test("is served through any number of lost connections", async () => {
    const client = new Redis(proxy.url);
    const store = freshStore(client, { prefix });
    stores.push(store);
    const semaphore = new Semaphore(store, "api", { limit: 2 });
    const work = new Work();
    const runs = Array.from({ length: 300 }, () => semaphore.use(() => work.run(1)));
    for (let cuts = 0; cuts < 5; cuts += 1) {
      const before = work.done;
      await until(() => work.done > before + 10, { what: "some of the work" });
      proxy.cutAll();
    }
    await Promise.all(runs);
    expect(work).toMatchObject({ most: 2, done: 300 });
    expect(await semaphore.inspect()).toMatchObject({ inUse: 0, waiting: 0, lapsesTotal: 0 });
    await store.close();
    client.disconnect();
  });

  test("that was ended fails those who do not wait, and serves once it is connected again", async () => {
    const client = new Redis(server.url);
    await client.ping();
    const ended = new Promise((resolve) => client.once("end", resolve));
    await client.quit();
    await ended;
    const store = freshStore(client, { prefix });
    stores.push(store);
    const semaphore = new Semaphore(store, "api", { limit: 1 });
    await expect(semaphore.tryAcquire()).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
      message: expect.stringContaining("the client was ended"),
    });
    await client.connect();
    await (await semaphore.acquire()).release();
    await store.close();
    client.disconnect();
  });

  test("gets another connection for what is pushed where that has died in silence", async () => {
    const client = new Redis(server.url);
    const silent = await startCutProxy(server.port);
    // The connection that is used once comes to the server, the one for pushes goes through the proxy.
    const divided = Object.assign(Object.create(client), {
      duplicate: (options: { lazyConnect: boolean }) =>
        options.lazyConnect ? client.duplicate(options) : new Redis(silent.url, options),
    });
    const store = freshStore(divided, { prefix });
    stores.push(store);
    const semaphore = new Semaphore(store, "api", { limit: 1 });
    await (await semaphore.acquire()).release();
    expect(silent.counts.connections).toBe(1);
    silent.blackhole("toClient");
    client.disconnect(true);
    await until(() => silent.counts.connections > 1, { what: "another connection", timeoutMs: 15_000 });
    silent.heal();
    await (await semaphore.acquire()).release();
    await store.close();
    client.disconnect();
    await silent.close();
  }, 30_000);

  test("with a keyPrefix is refused", () => {
    const client = new Redis({ lazyConnect: true, keyPrefix: "app:" });
    expect(() => redisStore(client)).toThrow(/without keyPrefix/);
  });
});

describe("a process that is silent", () => {
  test("keeps its places while others are served, and has them when it is back", async () => {
    const holder = new Semaphore(storeAt(server.url), "api", { limit: 1, leaseMs: 400 });
    const silent = new Semaphore(storeAt(proxy.url), "api", { limit: 1 });
    // Silence is measured by the semaphore's 400 ms; what is held does not end by itself.
    const held = await holder.acquire({ leaseMs: 15_000 });
    const waits = [silent.acquire(), silent.acquire()];
    await until(async () => (await holder.inspect()).waiting === 2, { what: "two waiters" });
    proxy.blackhole("toServer");
    const third = holder.acquire({ leaseMs: 15_000 });
    // The silent ones are passed over once they have been silent for a lease.
    await until(async () => (await holder.inspect()).waiting === 1, {
      what: "the silent ones to be set aside",
    });
    await held.release();
    const between = await third;
    proxy.heal();
    await until(async () => (await holder.inspect()).waiting === 2, { what: "the silent ones to be back" });
    await between.release();
    for (const wait of waits) await (await wait).release();
    expect(await holder.inspect()).toMatchObject({ inUse: 0, waiting: 0 });
  });
});

test("a closed store leaves nothing behind but the semaphore, and no connection", async () => {
  const store = freshStore(proxy.url, { prefix });
  const semaphore = new Semaphore(store, "api", { limit: 1 });
  await semaphore.acquire();
  const waiting = semaphore.acquire();
  const observer = new Semaphore(storeAt(server.url), "api", { limit: 1 });
  await until(async () => (await observer.inspect()).waiting === 1, { what: "the waiter" });
  const closing = store.close();
  await expect(waiting).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  await closing;
  expect(await observer.inspect()).toMatchObject({ waiting: 0 });
  await until(() => proxy.connections === 0, { what: "the connections to end" });
  await expect(semaphore.acquire()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
});
