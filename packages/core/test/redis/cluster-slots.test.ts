import { describe, expect, test } from "vitest";
import { otherKeys, slotCount, slotOf, tagOf } from "../../src/stores/redis/cluster/slots.js";
import { readMoved, readSlots } from "../../src/stores/redis/cluster/topology.js";

describe("the slot of a key", () => {
  test.each([
    ["123456789", 12_739],
    ["foo", 12_182],
    ["sluice:{foo}:facts", 12_182],
  ])("%s is %i, as the specification has it", (key, slot) => {
    expect(slotOf(key)).toBe(slot);
  });

  test("is that of the whole key where the first braces are empty", () => {
    expect(slotOf("{}{foo}")).not.toBe(slotOf("foo"));
  });

  test("is met by a tag for each of them, so that every slot can have a marker", () => {
    for (let slot = 0; slot < slotCount; slot += 1) expect(slotOf(`{${tagOf(slot)}}`)).toBe(slot);
  });

  test("is the same for all keys of a semaphore and its marker", () => {
    expect(new Set(otherKeys("sluice", "api").map(slotOf))).toEqual(new Set([slotOf("api")]));
  });
});

describe("what a node says about where slots are", () => {
  test("is read with its replicas, and with the host that was asked where a node does not know its own", () => {
    const reply = [
      [0, 99, ["10.0.0.1", 7000, "id", []], [null, 7001, "id"]],
      [100, 100, ["", 7002, "id"]],
    ];
    expect(readSlots(reply, "asked")).toEqual([
      { from: 0, to: 99, master: "10.0.0.1:7000", replicas: ["asked:7001"] },
      { from: 100, to: 100, master: "asked:7002", replicas: [] },
    ]);
  });

  test.each([
    ["MOVED 3999 127.0.0.1:6381", { slot: 3999, master: "127.0.0.1:6381" }],
    ["MOVED 1 ::1:6381", { slot: 1, master: "::1:6381" }],
    ["MOVED 1 :6381", { slot: 1, master: "asked:6381" }],
    ["TRYAGAIN", undefined],
  ])("%s is read", (message, told) => {
    expect(readMoved(message, "asked:7000")).toEqual(told);
  });
});
