import { expect, it } from "vitest";
import { backoffMs } from "../src/events/backoff.js";

it("pauses double from half a second up to ten", () => {
  const longest = [1, 2, 3, 4, 5, 6, 7, 100].map((failures) => backoffMs(failures, 1));
  expect(longest).toEqual([500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000, 10_000]);
});

it("the latter half of a pause is random", () => {
  expect(backoffMs(3, 0)).toBe(1_000);
  expect(backoffMs(3, 0.5)).toBe(1_500);
  for (let turn = 0; turn < 100; turn += 1) {
    expect(backoffMs(3)).toBeGreaterThanOrEqual(1_000);
    expect(backoffMs(3)).toBeLessThan(2_000);
  }
});
