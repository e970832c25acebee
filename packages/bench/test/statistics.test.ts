import { expect, test } from "vitest";
import { median, mostAtOnce, quantile } from "../src/statistics.js";

test("a quantile is the value of the nearest rank, whatever the order", () => {
  const values = [50, 15, 40, 20, 35];
  expect([0, 0.05, 0.3, 0.4, 0.5, 1].map((part) => quantile(values, part))).toEqual([15, 15, 20, 20, 35, 50]);
});

test("a median is one of the values", () => {
  expect(median([3, 1, 2, 10])).toBe(2);
});

test("there is no quantile of nothing", () => {
  expect(() => quantile([], 0.5)).toThrow("nothing");
});

test("spans that overlap are counted at their densest", () => {
  const spans = [
    [0, 10],
    [2, 3],
    [4, 8],
    [5, 6],
  ] as const;
  expect(mostAtOnce(spans)).toBe(3);
});

test("a span that begins as another ends does not meet it", () => {
  expect(
    mostAtOnce([
      [5, 9],
      [0, 5],
    ]),
  ).toBe(1);
});
