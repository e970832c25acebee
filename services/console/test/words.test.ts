import { expect, it } from "vitest";
import { ageWords, leftWords, settingWords } from "../src/words/durations.js";
import { wants } from "../src/words/filter.js";
import { countWords } from "../src/words/numbers.js";

it.each([
  [0, "<1 s"],
  [999, "<1 s"],
  [1_000, "1 s"],
  [59_999, "59 s"],
  [60_000, "1 min 00 s"],
  [185_000, "3 min 05 s"],
  [3_599_999, "59 min 59 s"],
  [3_600_000, "1 h 00 min"],
  [86_399_999, "23 h 59 min"],
  [86_400_000, "1 d 0 h"],
  [99 * 3_600_000, "4 d 3 h"],
])("an age of %d ms reads %s", (ms, words) => {
  expect(ageWords(ms)).toBe(words);
});

it("what is left of a time is never told as more, and ends with now", () => {
  expect([-5, 0, 1, 1_999].map(leftWords)).toEqual(["now", "now", "<1 s", "1 s"]);
});

it("what somebody has set is told exactly", () => {
  const settings = [50, 1_500, 10_000, 60_000, 90_000, 300_000, 3_600_000, 5_400_000];
  expect(settings.map(settingWords)).toEqual([
    "50 ms",
    "1.5 s",
    "10 s",
    "1 min",
    "90 s",
    "5 min",
    "1 h",
    "90 min",
  ]);
});

it("a filter wants every word of it, in any case and order", () => {
  expect(wants("chat OPEN")("openai:chat")).toBe(true);
  expect(wants("chat open")("openai:images")).toBe(false);
  expect(wants("  ")("anything")).toBe(true);
});

it("counts are told with their word in the right number", () => {
  expect([0, 1, 12_345].map((count) => countWords(count, "lease"))).toEqual([
    "0 leases",
    "1 lease",
    "12,345 leases",
  ]);
});
