import type { SnapshotAnswer } from "@sluice/client/shapes";
import { describe, expect, it } from "vitest";
import { type Inspection, inspect, restMs } from "../src/semaphore/inspection.js";
import { statusOf } from "./statuses.js";

type Part = Pick<SnapshotAnswer, "leases" | "waiters" | "cursor">;

const lease = (holder: string, fence: number) => ({
  holder,
  fence,
  permits: 1,
  heldMs: 300,
  expiresInMs: 700,
});
const waiter = (holder: string) => ({ holder, permits: 1, priority: 0, waitedMs: 50 });

/** Looks at a semaphore of these pages, with a clock that a page moves by 100 ms from 1,000 on. */
async function lookAt(
  pages: readonly Part[],
): Promise<{ inspection: Inspection; asked: (string | undefined)[] }> {
  const asked: (string | undefined)[] = [];
  let time = 1_000;
  const inspection = await inspect({
    ask: async (cursor) => {
      const page = pages[asked.length];
      asked.push(cursor);
      time += 100;
      if (page === undefined) throw new Error("there is no such page");
      return { ...statusOf("a", { inUse: asked.length }), ...page };
    },
    now: () => time,
  });
  return { inspection, asked };
}

describe("a look at a semaphore", () => {
  it("goes through its pages, and tells times by the page's clock", async () => {
    const { inspection, asked } = await lookAt([
      { leases: [lease("one", 1)], waiters: [waiter("three")], cursor: "next" },
      { leases: [lease("two", 2)], waiters: [waiter("four")] },
    ]);
    expect(asked).toEqual([undefined, "next"]);
    expect(inspection).toMatchObject({
      isCut: false,
      at: 1_200,
      tookMs: 200,
      status: statusOf("a", { inUse: 2 }),
    });
    expect(inspection.leases).toMatchObject([
      { holder: "one", id: undefined, heldSince: 800, endsAt: 1_800 },
      { holder: "two", heldSince: 900, endsAt: 1_900 },
    ]);
    expect(inspection.waiters).toMatchObject([
      { position: 1, holder: "three", queuedSince: 1_050 },
      { position: 2, holder: "four", queuedSince: 1_150 },
    ]);
  });

  it("counts a lease once that is renewed between two pages, as it was seen last", async () => {
    const renewed = { ...lease("one", 1), expiresInMs: 9_000 };
    const { inspection } = await lookAt([
      { leases: [lease("one", 1), lease("two", 2)], waiters: [], cursor: "next" },
      { leases: [lease("three", 3), renewed], waiters: [] },
    ]);
    expect(inspection.leases.map(({ holder, endsAt }) => [holder, endsAt])).toEqual([
      ["one", 10_200],
      ["two", 1_800],
      ["three", 1_900],
    ]);
  });

  it("has leases in the order of their grants, which no renewal changes", async () => {
    const { inspection } = await lookAt([{ leases: [lease("new", 9), lease("old", 2)], waiters: [] }]);
    expect(inspection.leases.map(({ holder }) => holder)).toEqual(["old", "new"]);
  });

  it("ends after ten pages, and says that there is more", async () => {
    const endless = Array.from({ length: 20 }, () => ({ leases: [], waiters: [], cursor: "more" }));
    const { inspection, asked } = await lookAt(endless);
    expect(asked).toHaveLength(10);
    expect(inspection.isCut).toBe(true);
  });
});

describe("the rest between two looks", () => {
  const seen = (leases: number, tookMs: number) =>
    ({ leases: new Array(leases), waiters: [], tookMs }) as unknown as Inspection;

  it("is a second after news and three without, and longer for a long semaphore", () => {
    expect(restMs(seen(10, 20), true)).toBe(1_000);
    expect(restMs(seen(10, 20), false)).toBe(3_000);
    expect(restMs(seen(10_000, 200), true)).toBe(5_000);
  });

  it("is four times as long as a slow look", () => {
    expect(restMs(seen(10, 2_000), true)).toBe(8_000);
  });
});
