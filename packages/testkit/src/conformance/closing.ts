import { expect } from "vitest";
import type { Test } from "./chapter.js";
import { definition } from "./world.js";

const UNAVAILABLE = { code: "STORE_UNAVAILABLE" };

export function closing(test: Test): void {
  test("fails those who wait when it is closed", async (world) => {
    await world.define(1);
    await world.hold();
    const waiters = [await world.queue(), await world.queue({ waitMs: 20_000 })];
    const refusals = waiters.map(({ result }) => expect(result).rejects.toMatchObject(UNAVAILABLE));
    await world.store.close();
    await Promise.all(refusals);
  });

  test("refuses every call once it is closed", async (world) => {
    const { store, semaphore } = world;
    await world.define(1);
    const { lease } = await world.hold();
    await store.close();
    const calls: Record<string, () => Promise<unknown>> = {
      acquire: () => world.ask({ waitMs: 5_000 }).result,
      "acquire without waiting": () => world.ask({ waitMs: 0 }).result,
      release: () => store.release({ semaphore, lease }),
      renew: () => store.renew(semaphore, [{ lease }]),
      claim: () => store.claim(semaphore, [{ lease, attempt: "claim" }]),
      define: () => store.define(semaphore, definition(2)),
      resize: () => store.resize(semaphore, 2),
      remove: () => store.remove(semaphore),
      revoke: () => store.revoke(semaphore, lease),
      inspect: () => store.inspect(semaphore),
      list: () => store.list(),
      ping: () => store.ping(),
    };
    for (const [name, call] of Object.entries(calls)) {
      await expect(call(), name).rejects.toMatchObject(UNAVAILABLE);
    }
  });

  test("finishes a release that is under way when it is closed", async (world) => {
    await world.define(1);
    const grant = await world.hold();
    const released = world.release(grant);
    await world.store.close();
    expect(await released).toBe(true);
  });

  test("can be closed twice, and while it closes", async ({ store }) => {
    await Promise.all([store.close(), store.close()]);
    await store.close();
  });

  test("tells observers nothing any more once they have ended", async (world) => {
    let told = 0;
    const end = world.store.observe({ roundtrip: () => (told += 1), availability: () => (told += 1) });
    end();
    end();
    await world.define(1);
    expect(told).toBe(0);
  });
}
