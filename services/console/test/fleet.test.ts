import { describe, expect, it } from "vitest";
import { type Fleet, fleetAfter, longestWaitMs, unknownFleet } from "../src/fleet/fleet.js";
import { statusOf, toldOf } from "./statuses.js";

type Events = readonly (readonly [name: string, data: unknown])[];

/** What the page knows after these events, a second apart, the first of them at 1,000 ms. */
function after(...events: Events): Fleet {
  return events.reduce<Fleet>(
    (fleet, [name, data], index) => fleetAfter(fleet, { name, data }, (index + 1) * 1_000),
    unknownFleet,
  );
}

const everything = ["semaphores", { semaphores: [statusOf("a"), statusOf("b")] }] as const;
const names = (fleet: Fleet) => [...(fleet.semaphores?.keys() ?? [])];

describe("what the page knows", () => {
  it("begins with nothing, which is not the same as no semaphores", () => {
    expect(unknownFleet.semaphores).toBeUndefined();
    expect(names(after(["semaphores", { semaphores: [] }]))).toEqual([]);
    expect(after(["semaphores", { semaphores: [] }]).semaphores).toBeDefined();
  });

  it("follows what changes, comes and goes", () => {
    const fleet = after(
      everything,
      ["changed", { semaphores: [statusOf("b", { inUse: 3 }), statusOf("c")] }],
      ["removed", { names: ["a"] }],
    );
    expect(names(fleet)).toEqual(["b", "c"]);
    expect(fleet.semaphores?.get("b")).toEqual(toldOf("b", { inUse: 3 }, 2_000));
  });

  it("leaves what did not change the very same, so that nobody draws it again", () => {
    const before = after(everything);
    const then = fleetAfter(before, { name: "changed", data: { semaphores: [statusOf("b")] } }, 2_000);
    expect(then.semaphores?.get("a")).toBe(before.semaphores?.get("a"));
    expect(then.semaphores).not.toBe(before.semaphores);
  });

  it("is replaced by everything, as it comes after a new connection", () => {
    expect(names(after(everything, ["semaphores", { semaphores: [statusOf("c")] }]))).toEqual(["c"]);
  });

  it("has a store that is away since the first word of it, until it is back or tells everything", () => {
    const away = ["store", { up: false, detail: "connection lost" }] as const;
    expect(after(everything, away, away).absence).toEqual({ since: 2_000, detail: "connection lost" });
    expect(after(everything, away, ["store", { up: true }]).absence).toBeUndefined();
    expect(after(away, everything).absence).toBeUndefined();
  });

  it("has a recovery with its end, if that is told", () => {
    const active = ["recovery", { active: true, untilMs: 5_000, cause: "a restart" }] as const;
    expect(after(active).recovery).toEqual({ since: 1_000, until: 6_000, cause: "a restart" });
    expect(after(active, ["recovery", { active: true }]).recovery).toEqual({
      since: 1_000,
      until: undefined,
      cause: undefined,
    });
    expect(after(active, ["recovery", { active: false }]).recovery).toBeUndefined();
  });

  it("forgets a drain and a recovery with the connection that told of them", () => {
    const caller = { name: "ops", scopes: ["use", "read", "operate"] };
    const fleet = after(["draining", {}], ["recovery", { active: true }], ["caller", caller]);
    expect(fleet).toMatchObject({ caller, drainingSince: undefined, recovery: undefined });
    expect(after(["caller", caller], ["draining", {}]).drainingSince).toBe(2_000);
  });

  it("is not changed by an event that it does not know", () => {
    const fleet = after(everything);
    expect(fleetAfter(fleet, { name: "weather", data: {} }, 2_000)).toBe(fleet);
  });
});

it("the longest wait goes on between two events, and is none without waiters", () => {
  expect(longestWaitMs(toldOf("a", { waiting: 2, oldestWaiterMs: 500 }, 1_000), 4_000)).toBe(3_500);
  expect(longestWaitMs(toldOf("a", { waiting: 0, oldestWaiterMs: 0 }, 1_000), 4_000)).toBe(0);
});
