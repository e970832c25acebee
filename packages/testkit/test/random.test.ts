import { expect, it } from "vitest";
import { seededRandom } from "../src/faults/random.js";

it("gives the same numbers for the same seed, and others for another", () => {
  expect(take(7, 50)).toEqual(take(7, 50));
  expect(take(7, 50)).not.toEqual(take(8, 50));
});

it("spreads its numbers evenly from 0 to below 1", () => {
  const numbers = take(1, 10_000);
  const tenths = numbers.map((number) => Math.floor(number * 10));
  for (const tenth of Array(10).keys()) {
    const share = tenths.filter((found) => found === tenth).length;
    expect(Math.abs(share - 1_000)).toBeLessThan(150);
  }
  expect(Math.min(...numbers)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...numbers)).toBeLessThan(1);
});

function take(seed: number, count: number): number[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, random);
}
