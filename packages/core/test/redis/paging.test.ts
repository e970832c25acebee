import { type RedisServer, startRedis, until } from "@sluice/testkit";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { Grant, LeaseStatus, Snapshot, Store, WaiterStatus } from "../../src/store.js";
import { encodeCursor } from "../../src/stores/paging.js";
import { freshStore } from "./fresh-store.js";

const semaphore = "api";

let server: RedisServer;
let store: Store;
let prefixes = 0;

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());
beforeEach(() => {
  prefixes += 1;
  store = freshStore(server.url, { prefix: `test${prefixes}` });
});
afterEach(() => store.close());

const nameOf = (index: number) => `lease-${String(index).padStart(3, "0")}`;

const acquire = (index: number, waitMs = 0) =>
  store.acquire({
    semaphore,
    lease: nameOf(index),
    attempt: "",
    fingerprint: "",
    permits: 1,
    priority: 0,
    waitMs,
    leaseMs: 10_000,
    holder: `holder-${index}`,
    create: undefined,
  });

/** In one call, and so at one moment of the server: all leases expire together. From 16 on there are two calls. */
const hold = (count: number) => Promise.all(Array.from({ length: count }, (_, index) => acquire(index)));

interface Listing {
  readonly leases: LeaseStatus[];
  readonly waiters: WaiterStatus[];
  readonly pages: number;
}

/** Reads all pages; `between` has its way after each one. */
async function listing(
  pageSize: number,
  between: (page: Snapshot, index: number) => unknown,
): Promise<Listing> {
  const [leases, waiters]: [LeaseStatus[], WaiterStatus[]] = [[], []];
  let cursor: string | undefined;
  let pages = 0;
  do {
    const page: Snapshot | undefined = await store.inspect(semaphore, { pageSize, cursor });
    if (page === undefined) throw new Error("the semaphore is gone");
    leases.push(...page.leases);
    waiters.push(...page.waiters);
    cursor = page.cursor;
    pages += 1;
    await between(page, pages);
  } while (cursor !== undefined);
  return { leases, waiters, pages };
}

/** How many commands the server has carried out that read a part of a sorted set. */
async function rangesRead(): Promise<number> {
  const statistics = String(await server.command("INFO", "commandstats"));
  const calls = [...statistics.matchAll(/^cmdstat_z(?:range|rangebyscore|count):calls=(\d+)/gm)];
  return calls.reduce((sum, [, count]) => sum + Number(count), 0);
}

const names = (leases: readonly LeaseStatus[]) => leases.map(({ lease }) => lease);
const renew = (leases: readonly string[]) =>
  store.renew(
    semaphore,
    leases.map((lease) => ({ lease })),
  );

test("no lease is left out that is held all the time, however others are renewed and released meanwhile", async () => {
  await store.define(semaphore, { limit: 60, leaseMs: 10_000, maxWaiters: 100 });
  const held = names((await hold(60)) as unknown as LeaseStatus[]);
  const released = new Set<string>();
  const { leases } = await listing(7, async (page, index) => {
    const [first, ...others] = names(page.leases);
    await renew(others.slice(0, 3));
    if (first === undefined || index > 5) return;
    released.add(first);
    await store.release({ semaphore, lease: first });
  });
  const told = new Set(names(leases));
  expect(held.filter((lease) => !told.has(lease) && !released.has(lease))).toEqual([]);
});

test("leases of one moment come once each, also where the last one of a page is gone before the next", async () => {
  await store.define(semaphore, { limit: 15, leaseMs: 10_000, maxWaiters: 100 });
  const grants = (await hold(15)) as Grant[];
  const moments = new Set((await store.inspect(semaphore))?.leases.map(({ expiresInMs }) => expiresInMs));
  expect(moments.size).toBe(1);
  const { leases, pages } = await listing(4, async (page) => {
    const last = page.leases.at(-1);
    if (last !== undefined) await store.release({ semaphore, lease: last.lease });
  });
  expect(names(leases)).toEqual(grants.map(({ lease }) => lease).sort());
  expect(pages).toBe(4);
});

test("a page in the midst of leases of one moment costs the server few commands", async () => {
  await store.define(semaphore, { limit: 300, leaseMs: 10_000, maxWaiters: 100 });
  await hold(300);
  const { cursor } = (await store.inspect(semaphore, { pageSize: 298 })) ?? {};
  const before = await rangesRead();
  const page = await store.inspect(semaphore, { pageSize: 1, cursor });
  expect(page?.leases.map(({ lease }) => lease)).toEqual([nameOf(298)]);
  // Twice the logarithm, and a few.
  expect((await rangesRead()) - before).toBeLessThanOrEqual(20);
});

test("waiters come once each, also where those before them are served between two pages", async () => {
  await store.define(semaphore, { limit: 1, leaseMs: 10_000, maxWaiters: 100 });
  await acquire(0);
  const waiting = Array.from({ length: 9 }, (_, index) => acquire(index + 1, 5_000));
  await until(async () => (await store.inspect(semaphore))?.waiting === 9, { what: "all to wait" });
  let served = 0;
  const { waiters } = await listing(2, async () => {
    await store.release({ semaphore, lease: nameOf(served) });
    served += 1;
    await waiting[served - 1];
  });
  expect(waiters.map(({ holder }) => holder)).toEqual(waiting.map((_, index) => `holder-${index + 1}`));
  for (let index = served; index <= 9; index += 1) {
    await store.release({ semaphore, lease: nameOf(index) });
    await waiting[index];
  }
});

test("a listing ends although all leases are renewed between its pages", async () => {
  await store.define(semaphore, { limit: 20, leaseMs: 10_000, maxWaiters: 100 });
  const held = names((await hold(20)) as unknown as LeaseStatus[]);
  const { pages } = await listing(5, () => renew(held));
  expect(pages).toBeLessThanOrEqual(2 * 4);
});

test("cursors that were made by others are refused, whatever they hold", async () => {
  await store.define(semaphore, { limit: 1, leaseMs: 10_000, maxWaiters: 100 });
  for (const place of [
    ["+inf", "", 0, ""],
    ["", "", 0, "(1"],
    ["1e999", "a", 0, ""],
    ["nan", "a", 0, ""],
    [5, "a", 0, ""],
    ["17", "a", 0.5, ""],
    ["", "", 0],
    [0, 0],
  ]) {
    await expect(
      store.inspect(semaphore, { cursor: encodeCursor(place) }),
      JSON.stringify(place),
    ).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
  }
  const endless = Buffer.from('["17","a",1e999,""]').toString("base64url");
  await expect(store.inspect(semaphore, { cursor: endless })).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
  });
  const odd = encodeCursor(["17", "'\"\\ü", 1e15, "-17"]);
  expect(await store.inspect(semaphore, { cursor: odd })).toMatchObject({ leases: [], waiters: [] });
});
