import { expect, it, onTestFinished, vi } from "vitest";
import { until } from "../src/until.js";

it("returns what the condition returned once that is truthy", async () => {
  let looks = 0;
  expect(await until(() => ++looks === 3 && "here", { what: "the third look" })).toBe("here");
  expect(looks).toBe(3);
});

it("says what it waited for, how long, and what the condition last threw", async () => {
  const failing = until(() => Promise.reject(new Error("not yet")), { what: "the moon", timeoutMs: 20 });
  await expect(failing).rejects.toThrow("timed out after 20 ms waiting for the moon: not yet");
});

it("looks once more at the deadline, so that a slow machine fails no condition that holds", async () => {
  expect(await until(() => true, { what: "now", timeoutMs: 0 })).toBe(true);
});

it("gives up also where the clock of this process is held", { timeout: 2_000 }, async () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  onTestFinished(() => void vi.useRealTimers());
  const waiting = until(() => false, { what: "the moon", timeoutMs: 20 });
  await expect(waiting).rejects.toThrow("timed out after 20 ms waiting for the moon");
});
