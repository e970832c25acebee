import { setImmediate as nextTurn } from "node:timers/promises";
import { type AcquireRequest, newAttemptId, newLeaseId, type Store } from "@sluice/core";
import { memoryStore } from "@sluice/core/memory";
import { until } from "@sluice/testkit";
import { describe, expect, it } from "vitest";
import { Attempt } from "../src/attempts/attempt.js";

function start(lingerMs: number, wish: Partial<AcquireRequest> = {}, store: Store = memoryStore()) {
  const request: AcquireRequest = {
    semaphore: "api",
    lease: newLeaseId(),
    attempt: newAttemptId(),
    fingerprint: "",
    permits: 1,
    priority: 0,
    waitMs: 60_000,
    leaseMs: undefined,
    holder: "test",
    create: { limit: 1, leaseMs: 10_000, maxWaiters: 10 },
    ...wish,
  };
  const happened: string[] = [];
  const attempt = new Attempt(store, request, {
    lingerMs,
    giveBack: async () => void happened.push("given back"),
    onTold: () => happened.push("told"),
    onEnd: () => happened.push("ended"),
  });
  return { attempt, happened };
}

const paused = { create: { limit: 0, leaseMs: 10_000, maxWaiters: 10 } };

describe("an attempt", () => {
  it("does not take back, when callers are sent away, what one of them is being told", async () => {
    const { attempt, happened } = start(0);
    expect(await attempt.answer).toMatchObject({ outcome: "granted" });
    attempt.dismiss();
    attempt.withdraw();
    attempt.delivered();
    await nextTurn();
    expect(happened).toEqual(["ended"]);
  });

  it("does not take back of what another caller was told", async () => {
    const { attempt, happened } = start(0);
    await attempt.answer;
    attempt.share();
    attempt.forsake();
    await nextTurn();
    expect(happened).toEqual(["ended"]);
  });

  it("does not take back what was granted to an earlier attempt, whose caller may hold it", async () => {
    const store = memoryStore();
    const lease = newLeaseId();
    const elsewhere = start(0, { lease }, store);
    await elsewhere.attempt.answer;
    elsewhere.attempt.delivered();
    const { attempt, happened } = start(0, { lease }, store);
    expect(await attempt.answer).toMatchObject({ outcome: "granted", again: true });
    attempt.forsake();
    await nextTurn();
    expect(happened).toEqual(["ended"]);
  });

  it("sends a caller away that waits, and lingers for one that can come back", async () => {
    for (const [lingerMs, lingers] of [
      [0, false],
      [60_000, true],
    ] as const) {
      const { attempt } = start(lingerMs, paused);
      attempt.dismiss();
      expect(await attempt.answer).toEqual({ outcome: "aborted" });
      expect(attempt.lingers).toBe(lingers);
      attempt.withdraw();
    }
  });

  it("lingers no longer than there is something to undo", async () => {
    const { attempt, happened } = start(60_000, { ...paused, waitMs: 20 });
    attempt.forsake();
    expect(happened).toEqual([]);
    await until(() => happened.length > 0, { what: "the end" });
    expect(happened).toEqual(["ended"]);
    expect(attempt.lingers).toBe(false);
  });

  it("gives back once what nobody came for, however often it is told to", async () => {
    const { attempt, happened } = start(10);
    await attempt.answer;
    attempt.forsake();
    attempt.forsake();
    await until(() => happened.includes("given back"), { what: "the lease to be given back" });
    attempt.withdraw();
    attempt.delivered();
    expect(happened).toEqual(["ended", "given back"]);
  });
});
