import { type RedisServer, startCutProxy, until, watchLateness } from "@sluice/testkit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Semaphore } from "../../src/semaphore.js";
import type { Store } from "../../src/store.js";
import { commandTimeoutMs } from "../../src/stores/redlock/client.js";
import { redlockStore } from "../../src/stores/redlock/index.js";
import { acquireOf, definition, grantOf, semaphore } from "./acquires.js";
import { freshStore, meetsAll, startMasters, stopMasters } from "./masters.js";

const maxLeaseMs = 1_500;
/** Where a test does not wait for its end: masters take a while to start again. */
const longLeaseMs = 15_000;

let masters: RedisServer[];
let stores: Store[];

beforeEach(async () => {
  masters = await startMasters();
  stores = [];
});

afterEach(async () => {
  await Promise.all(stores.map((store) => store.close()));
  await stopMasters(masters);
});

function open({ assumeFresh = true, longestMs = maxLeaseMs } = {}): Store {
  const urls = masters.map(({ url }) => url);
  const options = { maxLeaseMs: longestMs };
  const store = assumeFresh ? freshStore(masters, options) : redlockStore(urls, options);
  stores.push(store);
  return store;
}

/** Of whom no master can be missed that is away later. */
async function openToAll(options?: Parameters<typeof open>[0]): Promise<Store> {
  const store = open(options);
  await meetsAll(store, masters);
  return store;
}

function master(index: number): RedisServer {
  const found = masters[index];
  if (found === undefined) throw new Error(`there is no master ${index}`);
  return found;
}

/** Renews again and again, as a keeper does, until it is told to stop. Counts what was refused. */
function keepRenewing(store: Store, lease: string): { stop(): Promise<number> } {
  let stopped = false;
  const kept = (async () => {
    let lost = 0;
    while (!stopped) {
      const results = await store.renew(semaphore, [{ lease }]).catch(() => []);
      lost += results.filter(({ renewed }) => !renewed).length;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return lost;
  })();
  return {
    stop: () => {
      stopped = true;
      return kept;
    },
  };
}

describe("a minority of the masters", () => {
  it("may die: grants, renewals, releases and looks go on", async () => {
    const store = await openToAll({ longestMs: longLeaseMs });
    await store.define(semaphore, definition(1, longLeaseMs));
    const { lease } = await grantOf(store);
    await master(1).kill();
    expect(await store.renew(semaphore, [{ lease }])).toMatchObject([{ renewed: true }]);
    expect(await acquireOf(store)).toMatchObject({ outcome: "timeout" });
    expect(await store.inspect(semaphore)).toMatchObject({ inUse: 1, grantsTotal: 1, recovering: false });
    expect(await store.release({ semaphore, lease })).toBe(true);
    await grantOf(store);
  });

  it("may come back empty: it votes for nobody else, nothing is lost, and nothing pauses", async () => {
    const holder = await openToAll();
    const other = await openToAll();
    await holder.define(semaphore, definition(1, 1_000));
    const { lease } = await grantOf(holder);
    const kept = keepRenewing(holder, lease);
    for (const index of [0, 1, 2]) {
      await master(index).restart({ empty: true });
      const over = performance.now() + maxLeaseMs + 200;
      while (performance.now() < over) {
        expect((await acquireOf(other)).outcome).not.toBe("granted");
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
    expect(await kept.stop()).toBe(0);
    expect(await other.inspect(semaphore)).toMatchObject({ inUse: 1, limit: 1, version: 1 });
    expect(await holder.release({ semaphore, lease })).toBe(true);
    await grantOf(other);
  });

  it("that has restarted does not make a majority with one that missed a grant", async () => {
    await using missing = await startCutProxy(master(2).port);
    const holder = freshStore([master(0), master(1), missing], { maxLeaseMs });
    stores.push(holder);
    await meetsAll(holder, masters);
    await holder.define(semaphore, definition(1, maxLeaseMs));
    missing.refusing = true;
    missing.cutAll();
    const { validUntil } = await grantOf(holder, { leaseMs: maxLeaseMs });
    await master(0).restart({ empty: true });
    await master(1).kill();
    const other = open({ assumeFresh: false });
    const grantedAt = await until(
      async () => {
        const answer = await acquireOf(other, { create: definition(1) }).catch(() => undefined);
        return answer?.outcome === "granted" ? performance.now() : undefined;
      },
      { what: "the permit, after the lease has lapsed", timeoutMs: 10_000 },
    );
    expect(grantedAt).toBeGreaterThan(validUntil);
  });

  it("may hang: no call takes longer than a command may", async () => {
    const store = await openToAll();
    await store.define(semaphore, definition(2));
    const held = await grantOf(store);
    master(0).pause();
    const calls: (() => Promise<unknown>)[] = [
      () => store.renew(semaphore, [{ lease: held.lease }]),
      () => store.inspect(semaphore),
      () => store.release({ semaphore, lease: held.lease }),
      () => grantOf(store),
      () => store.list(),
      () => store.ping(),
      () => store.resize(semaphore, 5),
      () => acquireOf(store, { permits: 5 }),
    ];
    for (const call of calls) {
      using lateness = watchLateness();
      const startedAt = performance.now();
      await call();
      const tookMs = performance.now() - startedAt;
      expect(tookMs - lateness.totalMs).toBeLessThan(commandTimeoutMs + 250);
    }
    master(0).resume();
    await until(async () => (await store.inspect(semaphore))?.limit === 5, { what: "the limit" });
  });

  it("learns on its return what was defined while it was away", async () => {
    const store = await openToAll();
    await store.define(semaphore, definition(1));
    await master(0).kill();
    await store.define(semaphore, definition(3));
    await master(0).start();
    await until(
      async () => {
        await store.release({ semaphore, lease: (await grantOf(store)).lease });
        return String(
          await master(0).command("HGET", `sluice:quorum:{${semaphore}}:facts`, "definition"),
        ).includes('"limit":3');
      },
      { what: "the returned master to know the limit" },
    );
    await master(1).kill();
    expect(await until(() => store.inspect(semaphore), { what: "the semaphore" })).toMatchObject({
      limit: 3,
    });
  });
});

describe("a majority of the masters", () => {
  it("that is away makes the store unavailable, at once for one who does not wait", async () => {
    const store = await openToAll();
    await store.define(semaphore, definition(1));
    await store.ping();
    await master(0).kill();
    await master(1).kill();
    using lateness = watchLateness();
    const startedAt = performance.now();
    await expect(acquireOf(store)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    await expect(acquireOf(store, { waitMs: 200 })).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    const tookMs = performance.now() - startedAt;
    expect(tookMs - lateness.totalMs).toBeLessThan(200 + commandTimeoutMs + 250);
  });

  it("that is away lets holders know before their leases end", async () => {
    const store = await openToAll();
    const api = new Semaphore(store, semaphore, { limit: 1, leaseMs: 800 });
    const lease = await api.acquire();
    const lost = new Promise<number>((resolve) =>
      lease.signal.addEventListener("abort", () => resolve(performance.now())),
    );
    const believedUntil = performance.now() + lease.remainingMs;
    master(0).pause();
    master(1).pause();
    using lateness = watchLateness();
    const lostAt = await lost;
    expect(lostAt - lateness.totalMs).toBeLessThan(believedUntil + 800);
    expect(lease.remainingMs).toBe(0);
    expect(lease.signal.reason).toMatchObject({ code: "LEASE_LOST" });
  });

  it("that returns serves those who wait", async () => {
    const store = await openToAll();
    await store.define(semaphore, definition(1));
    master(0).pause();
    master(1).pause();
    const waiting = acquireOf(store, { waitMs: 10_000 });
    await expect(acquireOf(store)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    master(0).resume();
    expect(await waiting).toMatchObject({ outcome: "granted" });
    master(1).resume();
  });

  it("that has lost everything grants nothing before the longest lease is over, and keeps who claims", async () => {
    // Until all are met again nobody can renew: they have to be within the time of a lease.
    const longestMs = 4_000;
    const holder = await openToAll({ longestMs });
    const api = new Semaphore(holder, semaphore, { limit: 2, leaseMs: longestMs });
    const kept = await api.acquire();
    const forgotten = await grantOf(await openToAll({ longestMs }), { leaseMs: longestMs });
    for (const server of masters) await server.restart({ empty: true });
    const other = open({ assumeFresh: false, longestMs });
    const waiting = acquireOf(other, { waitMs: 10_000, create: definition(2) });
    await until(async () => (await holder.inspect(semaphore))?.recovering, { what: "the recovery" });
    expect(await acquireOf(other, { create: definition(2) })).toMatchObject({ outcome: "recovering" });
    const granted = await waiting;
    expect(granted).toMatchObject({ outcome: "granted" });
    expect(performance.now()).toBeGreaterThan(forgotten.validUntil);
    expect(kept.remainingMs).toBeGreaterThan(0);
    expect(kept.signal.aborted).toBe(false);
    expect(await acquireOf(other)).toMatchObject({ outcome: "timeout", limit: 2 });
    expect(await kept.release()).toBe(true);
  });

  it("that has lost everything restores what is claimed elsewhere, each permit in a slot of its own", async () => {
    const holder = await openToAll();
    await holder.define(semaphore, definition(3));
    const leaseMs = maxLeaseMs;
    const grants = [await grantOf(holder, { leaseMs }), await grantOf(holder, { leaseMs, permits: 2 })];
    await holder.close();
    for (const server of masters) await server.restart({ empty: true });
    const heir = open({ assumeFresh: false });
    const claims = grants.map(({ lease, permits, fence }) => ({
      lease,
      attempt: "claim",
      restore: { permits, fence, leaseMs, holder: "heir", create: definition(3) },
    }));
    const claimed = await heir.claim(semaphore, claims);
    expect(claimed).toMatchObject([{ renewed: true }, { renewed: true }]);
    const claimedUntil = Math.min(...claimed.map((result) => (result.renewed ? result.validUntil : 0)));
    const next = await acquireOf(heir, { waitMs: 10_000, create: definition(3) });
    expect(next).toMatchObject({ outcome: "granted" });
    expect(performance.now()).toBeGreaterThan(claimedUntil);
    for (const { fence } of grants) if (next.outcome === "granted") expect(next.fence).toBeGreaterThan(fence);
  });
});

describe("a majority of the masters that has lost everything, and one that has not", () => {
  async function loseMajority(): Promise<void> {
    for (const index of [0, 1]) await master(index).restart({ empty: true });
  }

  async function isMetAgain(): Promise<boolean> {
    const marks = [0, 1].map((index) => master(index).command("EXISTS", "sluice:quorum:marker"));
    return (await Promise.all(marks)).every((mark) => mark === 1);
  }

  it("let a lease be claimed that the one still knows", async () => {
    const holder = await openToAll({ longestMs: longLeaseMs });
    await holder.define(semaphore, definition(1));
    const { lease, fence, permits } = await grantOf(holder, { leaseMs: longLeaseMs });
    await holder.close();
    await loseMajority();
    const restore = { permits, fence, leaseMs: longLeaseMs, holder: "heir", create: definition(1) };
    const heir = open({ assumeFresh: false, longestMs: longLeaseMs });
    const claimed = await heir.claim(semaphore, [{ lease, attempt: "claim", restore }]);
    expect(claimed).toMatchObject([{ renewed: true }]);
  });

  it("answer a holder that releases what it believes in that it was held, and the second time that it was not", async () => {
    const holder = await openToAll({ longestMs: longLeaseMs });
    await holder.define(semaphore, definition(1));
    const { lease } = await grantOf(holder, { leaseMs: longLeaseMs });
    await loseMajority();
    await until(isMetAgain, { what: "the masters to be met again" });
    expect(await holder.release({ semaphore, lease })).toBe(true);
    expect(await holder.release({ semaphore, lease })).toBe(false);
  });
});

it("one master that has restarted and one that is slow are no recovery", async () => {
  await using proxy = await startCutProxy(master(2).port);
  const store = freshStore([...masters.slice(0, 2), proxy], { maxLeaseMs: 15_000 });
  stores.push(store);
  await meetsAll(store, masters);
  await store.define(semaphore, definition(1));
  await master(0).restart({ empty: true });
  const isMet = async () => (await master(0).command("EXISTS", "sluice:quorum:marker")) === 1;
  await until(isMet, { what: "the master to be met again" });
  proxy.delay("toClient", 60);
  for (let turn = 0; turn < 10; turn += 1) {
    expect(await store.inspect(semaphore)).toMatchObject({ recovering: false });
    const { lease } = await grantOf(store);
    expect(await store.release({ semaphore, lease })).toBe(true);
  }
});

it("a recovery is over for observers when a master is back that has lost nothing", async () => {
  await using proxy = await startCutProxy(master(1).port);
  const told: string[] = [];
  const store = freshStore([master(0), proxy, master(2)], { maxLeaseMs: 15_000 });
  stores.push(store);
  store.observe({ recovery: ({ active }) => told.push(active ? "recovers" : "recovered") });
  await meetsAll(store, masters);
  await master(0).restart({ empty: true });
  const isMet = async () => (await master(0).command("EXISTS", "sluice:quorum:marker")) === 1;
  await until(isMet, { what: "the master to be met again" });
  proxy.refusing = true;
  proxy.cutAll();
  await until(() => told.includes("recovers"), { what: "the recovery" });
  proxy.refusing = false;
  await until(() => told.includes("recovered"), { what: "the end of the recovery", timeoutMs: 5_000 });
});

it("observers hear of a majority that leaves and returns, and of a recovery, but not of a minority's", async () => {
  const store = open();
  const told: string[] = [];
  store.observe({
    availability: ({ up }) => told.push(up ? "up" : "down"),
    recovery: ({ active, cause }) => told.push(active ? `recovers: ${cause}` : "recovered"),
  });
  await meetsAll(store, masters);
  await master(0).restart({ empty: true });
  await store.ping();
  expect(told).toEqual(["up"]);
  await master(0).kill();
  await master(1).kill();
  await until(() => told.includes("down"), { what: "the loss" });
  await master(0).start();
  await master(1).start();
  await until(() => told.includes("recovered"), { what: "the end of the recovery", timeoutMs: 15_000 });
  expect(told.filter((one) => ["up", "down"].includes(one))).toEqual(["up", "down", "up"]);
  expect(told.filter((one) => !["up", "down"].includes(one))).toEqual([
    "recovers: a master has started",
    "recovered",
  ]);
});
