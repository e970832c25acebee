import { memoryStore } from "@sluice/core/memory";
import { describe, expect, it } from "vitest";
import { readinessOf } from "../src/operation/readiness.js";

describe("the readiness of a sidecar", () => {
  const well = {
    store: memoryStore(),
    config: undefined,
    recoveryMs: undefined,
    draining: false,
    leasesHeld: 0,
  };

  it("says how long a recovery lasts, during which holders must reach it", async () => {
    expect(await readinessOf({ ...well, recoveryMs: 1_200 })).toMatchObject({
      status: "ready",
      components: { recovery: { status: "active", detail: "grants resume in at most 1200 ms" } },
    });
  });

  it.each([
    ["applied", "ready"],
    ["outdated", "ready"],
    ["pending", "unavailable"],
  ] as const)("with a configuration that is %s is %s", async (config, status) => {
    expect(await readinessOf({ ...well, config })).toMatchObject({
      status,
      components: { config: { status: config } },
    });
  });

  it("says that it drains, whatever else there is to say", async () => {
    expect(await readinessOf({ ...well, config: "pending", draining: true, leasesHeld: 3 })).toMatchObject({
      status: "draining",
      components: { drain: { status: "active", detail: "leases still held: 3" } },
    });
  });
});
