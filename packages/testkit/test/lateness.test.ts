import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { monotonicMs } from "../src/history/clock.js";
import { watchLateness } from "../src/lateness.js";

it("is the time that a blocked loop has lost, also before a timer has rung, and counts it once", async () => {
  const startedAt = monotonicMs();
  using lateness = watchLateness();
  while (monotonicMs() < startedAt + 200);
  expect(lateness.worstMs).toBeGreaterThan(180);
  expect(lateness.totalMs).toBeGreaterThan(180);
  await sleep(50);
  expect(lateness.totalMs).toBeGreaterThan(180);
  expect(lateness.totalMs).toBeLessThan(monotonicMs() - startedAt);
});
