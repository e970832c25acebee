import { stat } from "node:fs/promises";
import { memoryStore } from "@sluice/core/memory";
import { describe, expect, it } from "vitest";
import { readinessOf } from "../src/operation/readiness.js";

describe("the readiness of a sidecar", () => {
  const well = {
    store: memoryStore(),
    config: undefined,
    recovery: undefined,
    draining: false,
    leasesHeld: 0,
  };

  it("says how long a recovery lasts, during which holders must reach it", async () => {
    const recovery = { until: performance.now() + 60_000, cause: "a restart" };
    const { status, components } = await readinessOf({ ...well, recovery });
    expect(status).toBe("ready");
    expect(components.recovery.status).toBe("active");
    const [, ms] = /^grants resume in at most (\d+) ms$/.exec(components.recovery.detail ?? "") ?? [];
    expect(Number(ms)).toBeGreaterThan(0);
    expect(Number(ms)).toBeLessThanOrEqual(60_000);
  });

  it.each([
    ["applied", "ready"],
    ["outdated", "ready"],
    ["pending", "unavailable"],
  ] as const)("with a configuration that is %s is %s", async (config, status) => {
    expect(await readinessOf({ ...well, config: { status: config } })).toMatchObject({
      status,
      components: { config: { status: config } },
    });
  });

  const away = {
    ...well,
    store: Object.assign(memoryStore(), {
      ping: () => Promise.reject(new Error("ECONNREFUSED 10.1.2.3:6379")),
    }),
    config: { status: "pending", reason: "ECONNREFUSED 10.1.2.3:6379" },
  } as const;

  it("says why the store does not answer, and why it has not taken the configuration", async () => {
    expect((await readinessOf(away)).components).toMatchObject({
      store: { status: "down", detail: "ECONNREFUSED 10.1.2.3:6379" },
      config: { detail: "the store has not taken it yet: ECONNREFUSED 10.1.2.3:6379" },
    });
  });

  it("goes by an answer that came while the process stood still, however late it is read", async () => {
    // The system answers beside the loop.
    const ping = async () => void (await stat("."));
    const answer = readinessOf({ ...well, store: Object.assign(memoryStore(), { ping }) });
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_100);
    expect((await answer).components.store).toEqual({ status: "up" });
  });

  it("tells strangers no address", async () => {
    expect((await readinessOf({ ...away, isDiscreet: true })).components).toMatchObject({
      store: { status: "down", detail: "the store does not answer" },
      config: { status: "pending", detail: "the store has not taken it yet" },
    });
  });

  it("says that it drains, whatever else there is to say", async () => {
    expect(
      await readinessOf({ ...well, config: { status: "pending" }, draining: true, leasesHeld: 3 }),
    ).toMatchObject({
      status: "draining",
      components: { drain: { status: "active", detail: "leases still held: 3" } },
    });
  });
});
