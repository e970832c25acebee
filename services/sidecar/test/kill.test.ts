import { sidecarStore } from "@sluice/client";
import { Semaphore } from "@sluice/core";
import { spawnNode, until } from "@sluice/testkit";
import { afterEach, describe, expect, it } from "vitest";
import type { Sidecar } from "../src/sidecar.js";
import { startTestSidecar } from "./sidecars.js";

const KILLS = 20;
const LEASE_MS = 15_000;

let sidecar: Sidecar;

afterEach(() => sidecar.close());

describe.each([
  ["the client package", "client-holder.mjs"],
  ["a plain socket", "socket-holder.mjs"],
])("a process that is killed while it holds a permit by %s", (how, file) => {
  it("gives it to the next waiter long before its lease would lapse", async () => {
    sidecar = await startTestSidecar();
    const store = sidecarStore(sidecar.url);
    const api = new Semaphore(store, "api", { limit: 1 });
    const took: number[] = [];
    for (let kill = 0; kill < KILLS; kill++) {
      await (await api.acquire()).release();
      const holder = spawnNode(new URL(`./children/${file}`, import.meta.url), [
        sidecar.url,
        String(LEASE_MS),
      ]);
      expect(await holder.next()).toEqual({ held: true });
      const waiting = api.acquire();
      await until(async () => (await api.inspect()).waiting === 1, { what: "the waiter" });
      const killedAt = performance.now();
      holder.signal("SIGKILL");
      const lease = await waiting;
      took.push(performance.now() - killedAt);
      expect(await lease.release()).toBe(true);
      await holder.exited;
    }
    took.sort((one, other) => one - other);
    const [median = 0, worst = 0] = [took[KILLS / 2], took.at(-1)];
    console.log(`${how}, ${KILLS} kills: median ${median.toFixed(1)} ms, worst ${worst.toFixed(1)} ms`);
    expect(worst).toBeLessThan(LEASE_MS / 3);
    await store.close();
  }, 120_000);
});
