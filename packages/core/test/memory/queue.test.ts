import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Expiries } from "../../src/stores/memory/expiries.js";
import { Queue } from "../../src/stores/memory/queue.js";

interface Waiter {
  readonly lease: string;
  readonly priority: number;
}

describe("the queue", () => {
  it("has the same order as a sorted list, whatever is added and removed", () => {
    const change = fc.record({
      lease: fc.integer({ min: 0, max: 9 }).map(String),
      priority: fc.constantFrom(-1, 0, 0, 7),
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
        const queue = new Queue<Waiter>();
        let model: Waiter[] = [];
        for (const waiter of changes) {
          const known = model.some(({ lease }) => lease === waiter.lease);
          model = known ? model.filter(({ lease }) => lease !== waiter.lease) : [...model, waiter];
          if (known) expect(queue.remove(waiter.lease)).toBe(true);
          else queue.add(waiter);
          // Array.prototype.sort is stable: equals stay in the order of arrival.
          const sorted = [...model].sort((one, other) => other.priority - one.priority);
          expect([...queue]).toEqual(sorted);
          expect(queue.head).toEqual(sorted[0]);
          expect(queue.size).toBe(sorted.length);
        }
      }),
    );
  });

  it("knows the first of each priority", () => {
    const queue = new Queue<Waiter>();
    for (const [lease, priority] of [
      ["a", 0],
      ["b", 1],
      ["c", 0],
      ["d", 1],
    ] as const)
      queue.add({ lease, priority });
    expect([...queue.heads()].map(({ lease }) => lease)).toEqual(["b", "a"]);
  });

  it("does not remove whom it does not know", () => {
    expect(new Queue<Waiter>().remove("nobody")).toBe(false);
  });
});

describe("the expiries", () => {
  it("know the earliest, whatever is added, moved and removed", () => {
    const change = fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 50 }), fc.boolean());
    fc.assert(
      fc.property(fc.array(change, { maxLength: 80 }), (changes) => {
        const expiries = new Expiries<{ expiresAt: number; heapIndex: number }>();
        const items = new Map<number, { expiresAt: number; heapIndex: number }>();
        for (const [name, expiresAt, moves] of changes) {
          const item = items.get(name);
          if (item === undefined) {
            const added = { expiresAt, heapIndex: 0 };
            items.set(name, added);
            expiries.add(added);
          } else if (moves) {
            expiries.move(item, expiresAt);
          } else {
            items.delete(name);
            expiries.remove(item);
          }
          const times = [...items.values()].map((one) => one.expiresAt);
          expect(expiries.earliest?.expiresAt).toBe(times.length === 0 ? undefined : Math.min(...times));
        }
      }),
    );
  });
});
