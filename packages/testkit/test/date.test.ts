import { expect, it } from "vitest";
import { dateSetOff } from "../src/clock/date.js";
import { spawnNode } from "../src/processes/node.js";

const clocks = new URL("./children/tells-the-time.mjs", import.meta.url);

it("sets the time of day of a process off, and nothing else", async () => {
  const hour = 3_600_000;
  for (const offsetMs of [hour, -hour]) {
    await using child = spawnNode(clocks, [], { execArgv: dateSetOff(offsetMs) });
    const told = await child.next<{ now: number; constructed: number; fixed: string; waitedMs: number }>();
    expect(told.now - Date.now()).toBeGreaterThan(offsetMs - 10_000);
    expect(told.now - Date.now()).toBeLessThanOrEqual(offsetMs);
    expect(told.constructed - told.now).toBeLessThan(1_000);
    expect(told.fixed).toBe("2020-01-02T00:00:00.000Z");
    expect(told.waitedMs).toBeGreaterThan(40);
    expect(told.waitedMs).toBeLessThan(5_000);
  }
});
