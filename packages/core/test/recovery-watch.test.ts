import { expect, test } from "vitest";
import type { StoreObserver } from "../src/store.js";
import { RecoveryWatch } from "../src/stores/recovery-watch.js";

type Told = Parameters<NonNullable<StoreObserver["recovery"]>>[0];

test("a recovery is told of once, and again when it takes longer than was told", () => {
  const watch = new RecoveryWatch();
  const told: Told[] = [];
  watch.observe({ recovery: (event) => told.push(event) });
  const now = performance.now();
  expect(watch.begin(now + 10_000, "a restart")).toBe(true);
  expect(watch.begin(now + 9_000, "a restart")).toBe(false);
  expect(watch.begin(now + 10_500, "a restart")).toBe(false);
  expect(told).toMatchObject([{ active: true, cause: "a restart" }]);
  expect(watch.begin(now + 15_000, "another restart")).toBe(false);
  expect(told[1]).toMatchObject({ active: true, cause: "another restart" });
  expect(told[1]?.untilMs).toBeGreaterThan(10_500);
  watch.end();
  expect(told.slice(2)).toEqual([{ active: false }]);
  expect(watch.begin(performance.now() + 10_000, "a third one")).toBe(true);
  expect(told).toHaveLength(4);
  watch.close();
});
