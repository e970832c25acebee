import { setTimeout as sleep } from "node:timers/promises";
import { type CutProxy, type RedisServer, startCutProxy, until } from "@sluice/testkit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Store } from "../../src/store.js";
import { commandTimeoutMs } from "../../src/stores/redlock/client.js";
import { acquireOf, definition, grantOf, semaphore } from "./acquires.js";
import { freshStore, masterAt, meetsAll, startMasters, stopMasters } from "./masters.js";

const leaseMs = 10_000;

let masters: RedisServer[];
let proxy: CutProxy;
let stores: Store[];

beforeEach(async () => {
  masters = await startMasters();
  proxy = await startCutProxy(masterAt(masters, 0).port);
  stores = [];
});

afterEach(async () => {
  proxy.heal();
  await Promise.all(stores.map((store) => store.close()));
  await proxy.close();
  await stopMasters(masters);
});

/** Reaches the first master through the proxy. */
function open(): Store {
  const store = freshStore([proxy, ...masters.slice(1)]);
  stores.push(store);
  return store;
}

/** Who has the only slot, as this master sees it. */
function ownerAt(master: RedisServer): Promise<unknown> {
  return master.command("GET", `sluice:quorum:{${semaphore}}:slot:0`);
}

/**
 * From now on the master that does not answer is known to be away: a release is not sent there. One timer, which was due
 * after those of the commands: it rings after them, also on a machine that is late for all.
 */
async function commandTimeIsOver(): Promise<void> {
  await sleep(commandTimeoutMs + 100);
}

/** Defines the semaphore. All stores have met all masters by then. */
async function defineEverywhere(limit: number): Promise<void> {
  for (const store of stores) await meetsAll(store, masters);
  await stores[0]?.define(semaphore, definition(limit, leaseMs));
}

describe.each(["toServer", "toClient"] as const)(
  "one master of three, to which nothing gets through %s",
  (direction) => {
    it("is not missed: one after the other holds the only permit, and no call waits for it twice", async () => {
      const [one, other] = [open(), open()];
      await defineEverywhere(1);
      proxy.blackhole(direction);
      const startedAt = performance.now();
      for (let turn = 0; turn < 10; turn += 1) {
        const store = turn % 2 === 0 ? one : other;
        const { lease } = await grantOf(store, { waitMs: 5_000 });
        expect(await acquireOf(turn % 2 === 0 ? other : one)).toMatchObject({ outcome: "timeout" });
        expect(await store.renew(semaphore, [{ lease }])).toMatchObject([{ renewed: true }]);
        expect(await store.release({ semaphore, lease })).toBe(true);
      }
      expect(performance.now() - startedAt).toBeLessThan(commandTimeoutMs * 5);
    });

    it("keeps no permit from anybody when it is back, with votes for a lease that was released meanwhile", async () => {
      const [one, other] = [open(), open()];
      await defineEverywhere(1);
      // From the vote on: a master that is known to be away is not asked for one.
      proxy.onRequest = ({ args }) => {
        if (args.some((arg) => arg.endsWith(":slot:0"))) proxy.blackhole(direction);
        return "pass";
      };
      const { lease } = await grantOf(one);
      proxy.onRequest = () => "pass";
      await commandTimeIsOver();
      expect(await one.release({ semaphore, lease })).toBe(true);
      proxy.heal();
      await until(async () => (await ownerAt(masterAt(masters, 0))) !== null, {
        what: "the votes that came late",
      });
      const startedAt = performance.now();
      await grantOf(other, { waitMs: leaseMs });
      expect(performance.now() - startedAt).toBeLessThan(leaseMs / 4);
    });
  },
);

it("a waiter that only a returned master remembers keeps nobody waiting while another one is away", async () => {
  const [one, other] = [open(), open()];
  await defineEverywhere(2);
  await grantOf(one, { onLost: () => {} });
  const second = await grantOf(other);
  const leaving = new AbortController();
  const waiting = acquireOf(one, { waitMs: 60_000 }, leaving.signal);
  const queue = `sluice:quorum:{${semaphore}}:queue`;
  const queues = () => Promise.all(masters.map((master) => master.command("ZCARD", queue)));
  await until(async () => String(await queues()) === "1,1,1", { what: "the waiter to be queued" });
  proxy.refusing = true;
  proxy.cutAll();
  leaving.abort();
  expect(await waiting).toMatchObject({ outcome: "aborted" });
  await until(async () => String(await queues()) === "1,0,0", { what: "the others to be told" });
  proxy.refusing = false;
  await until(() => proxy.connections === 2, { what: "the master to be back" });
  await masterAt(masters, 2).kill();
  await other.release({ semaphore, lease: second.lease });
  await grantOf(other, { waitMs: leaseMs / 2 });
});

it("a master that hangs is told goodbye once, however many calls wait for it", async () => {
  const warnings: Error[] = [];
  const warned = (warning: Error) => warnings.push(warning);
  process.on("warning", warned);
  try {
    const store = open();
    await defineEverywhere(100);
    masterAt(masters, 0).pause();
    await Promise.all(Array.from({ length: 50 }, () => store.renew(semaphore, [{ lease: "nobody's" }])));
    await Promise.all(Array.from({ length: 50 }, () => grantOf(store)));
    await commandTimeIsOver();
    expect(warnings.filter(({ name }) => name === "MaxListenersExceededWarning")).toEqual([]);
  } finally {
    masterAt(masters, 0).resume();
    process.off("warning", warned);
  }
});
