import { type RedisCluster, type RedisServer, startCluster, until, watchLateness } from "@sluice/testkit";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Semaphore } from "../../src/semaphore.js";
import type { Store } from "../../src/store.js";
import { Believers } from "./believers.js";
import { freshStore } from "./fresh-store.js";

const maxLeaseMs = 1_000;

let cluster: RedisCluster;
let tests = 0;
let prefix = "";
const stores: Store[] = [];

beforeAll(async () => {
  cluster = await startCluster();
}, 60_000);
afterAll(() => cluster.stop());

beforeEach(() => {
  tests += 1;
  prefix = `failover${tests}`;
});
afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.close()));
  await Promise.all(cluster.nodes.map((node) => node.start()));
  await cluster.settled();
});

function stores3(): Store[] {
  const made = Array.from({ length: 3 }, () => freshStore(cluster.url, { prefix, maxLeaseMs }));
  stores.push(...made);
  return made;
}

/** Three processes' worth of work on one semaphore, more than its limit of 4 lets run at once. */
function loadOn(name: string): { believers: Believers; work: Promise<void>[]; semaphore: Semaphore } {
  const semaphores = stores3().map((store) => new Semaphore(store, name, { limit: 4, leaseMs: 1_000 }));
  const believers = new Believers();
  const work = semaphores.flatMap((one) => Array.from({ length: 8 }, () => believers.work(one, 10)));
  return { believers, work, semaphore: semaphores[0] as Semaphore };
}

async function goesOn(believers: Believers, within = 15_000): Promise<void> {
  const before = believers.done;
  await until(() => believers.done > before + 40, { what: "work to go on", timeoutMs: within });
}

/** The name of a semaphore that another master than this one keeps. */
async function nameElsewhere(than: RedisServer): Promise<string> {
  for (let tried = 0; ; tried += 1) {
    const name = `other${tried}`;
    if ((await cluster.ownerOf(await cluster.slotOf(name))) !== than) return name;
  }
}

/**
 * The longest that a grant took, while `act` goes on, to one who does not wait and is never refused; without the time in
 * which the machine let nobody run.
 */
async function longestGapMs(semaphore: Semaphore, act: () => Promise<unknown>): Promise<number> {
  let over = false;
  let longest = 0;
  const acting = act().finally(() => {
    over = true;
  });
  using lateness = watchLateness();
  while (!over) {
    const begun = { at: performance.now(), lateMs: lateness.totalMs };
    await (await semaphore.tryAcquire())?.release();
    longest = Math.max(longest, performance.now() - begun.at - (lateness.totalMs - begun.lateMs));
  }
  await acting;
  return longest;
}

describe("a failover of the master that keeps a busy semaphore", () => {
  test.each(["killed", "demoted in good order", "stopped in its tracks"])(
    "keeps the count and loses nobody when the master is %s, and leaves other semaphores alone",
    async (how) => {
      const slot = await cluster.slotOf("busy");
      const master = await cluster.ownerOf(slot);
      const [replica] = await cluster.replicasOf(master);
      const { believers, work, semaphore } = loadOn("busy");
      const [other] = stores3();
      const bystander = new Semaphore(other as Store, await nameElsewhere(master), { limit: 1 });
      await (await bystander.acquire()).release();
      await goesOn(believers);

      const gapMs = await longestGapMs(bystander, async () => {
        if (how === "killed") await master.kill();
        else if (how === "stopped in its tracks") master.pause();
        else await replica?.command("CLUSTER", "FAILOVER");
        await cluster.hasFailedOver(slot, master);
        await goesOn(believers);
      });
      if (how === "stopped in its tracks") master.resume();
      else await master.start();
      await goesOn(believers);

      believers.stop();
      await Promise.all(work);
      expect(believers.most).toBe(4);
      expect(gapMs).toBeLessThan(1_000);
      expect(await semaphore.inspect()).toMatchObject({ limit: 4, inUse: 0, waiting: 0 });
    },
    60_000,
  );
});

describe("a master that dies without a replica", () => {
  test("makes its own semaphores unavailable and no others, until it is back", async () => {
    const slot = await cluster.slotOf("lonely");
    const master = await cluster.ownerOf(slot);
    const replicas = await cluster.replicasOf(master);
    const [store] = stores3();
    const lonely = new Semaphore(store as Store, "lonely", { limit: 1, leaseMs: 1_000 });
    const other = new Semaphore(store as Store, await nameElsewhere(master), { limit: 1 });
    await (await lonely.acquire()).release();
    await (await other.acquire()).release();

    await Promise.all([master, ...replicas].map((node) => node.kill()));
    const refused = () =>
      lonely.tryAcquire().then(
        () => false,
        (error) => error.code === "STORE_UNAVAILABLE",
      );
    await until(refused, { what: "the loss to be noticed", timeoutMs: 20_000 });
    await (await other.acquire()).release();
    await expect((store as Store).ping()).resolves.toBeUndefined();

    const waiting = lonely.acquire();
    await Promise.all([master, ...replicas].map((node) => node.start()));
    expect(await (await waiting).release()).toBe(true);
  }, 60_000);
});
