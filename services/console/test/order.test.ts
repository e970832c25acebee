import { describe, expect, it } from "vitest";
import { arranged, heldStill, type Order } from "../src/semaphores/order.js";
import { semaphoresOf, toldOf } from "./statuses.js";

const all = () => true;

const semaphores = semaphoresOf(
  toldOf("idle"),
  toldOf("full", { inUse: 10 }),
  toldOf("busy", { inUse: 5 }),
  toldOf("brief", { inUse: 10, waiting: 40, oldestWaiterMs: 200 }),
  toldOf("stuck", { inUse: 1, limit: 1, waiting: 1, oldestWaiterMs: 90_000 }),
  toldOf("another-stuck", { inUse: 3, limit: 4, waiting: 2, oldestWaiterMs: 61_000 }),
);

const by = (order: Order, now = 0) => arranged(semaphores, order, all, now);

describe("the order of the semaphores", () => {
  it("puts those first for which somebody waits for long, then what is full, in use, idle", () => {
    expect(by("trouble")).toEqual(["another-stuck", "stuck", "brief", "full", "busy", "idle"]);
  });

  it("does not follow every second of a wait", () => {
    expect(by("trouble", 500)).toEqual(by("trouble"));
  });

  it("goes by name, use, number of waiters or longest wait, and by name where these are equal", () => {
    expect(by("name")).toEqual(["another-stuck", "brief", "busy", "full", "idle", "stuck"]);
    expect(by("use")).toEqual(["brief", "full", "stuck", "another-stuck", "busy", "idle"]);
    expect(by("waiting")).toEqual(["brief", "another-stuck", "stuck", "busy", "full", "idle"]);
    expect(by("wait")).toEqual(["stuck", "another-stuck", "brief", "busy", "full", "idle"]);
  });

  it("holds those that are wanted", () => {
    expect(arranged(semaphores, "name", (name) => name.includes("stuck"), 0)).toEqual([
      "another-stuck",
      "stuck",
    ]);
  });
});

describe("rows that are held still", () => {
  const before = ["stuck", "gone", "idle", "busy"];

  it("stay in their places while the numbers change", () => {
    expect(heldStill(before, semaphores, all).slice(0, 3)).toEqual(["stuck", "idle", "busy"]);
  });

  it("lose what is gone, and get what is new at their end", () => {
    const held = heldStill(before, semaphores, all);
    expect(held).not.toContain("gone");
    expect(held.slice(3)).toEqual(["another-stuck", "brief", "full"]);
  });

  it("lose what is not wanted any more", () => {
    expect(heldStill(before, semaphores, (name) => name === "idle")).toEqual(["idle"]);
  });
});
