import { type SentinelSetup, startSentinels, until } from "@sluice/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Semaphore } from "../../src/semaphore.js";
import { Believers } from "./believers.js";
import { freshStore } from "./fresh-store.js";

let setup: SentinelSetup;

beforeAll(async () => {
  setup = await startSentinels();
}, 60_000);
afterAll(() => setup.stop());

test.each(["killed", "stopped in its tracks"])(
  "a master that is %s under load is replaced, the count is kept, and nothing changes when it comes back",
  async (how) => {
    const prefix = how.slice(0, 6);
    const stores = Array.from({ length: 3 }, () => freshStore(setup.url, { prefix, maxLeaseMs: 1_000 }));
    const semaphores = stores.map((store) => new Semaphore(store, "busy", { limit: 4, leaseMs: 1_000 }));
    const believers = new Believers();
    const work = semaphores.flatMap((one) => Array.from({ length: 8 }, () => believers.work(one, 10)));
    await goesOn(believers);

    const master = await setup.master();
    if (how === "killed") await master.kill();
    else master.pause();
    await setup.hasFailedOver(master);
    await goesOn(believers);
    if (how === "killed") await master.start();
    else master.resume();
    await setup.settled();
    await goesOn(believers);

    believers.stop();
    await Promise.all(work);
    expect(believers.most).toBe(4);
    expect(await semaphores[0]?.inspect()).toMatchObject({ limit: 4, inUse: 0, waiting: 0 });
    await Promise.all(stores.map((store) => store.close()));
  },
  90_000,
);

async function goesOn(believers: Believers): Promise<void> {
  const before = believers.done;
  await until(() => believers.done > before + 40, { what: "work to go on", timeoutMs: 20_000 });
}
