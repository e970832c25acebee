import { mkdirSync, rmdirSync } from "node:fs";
import { describe, expect, it, vi } from "vitest";
import { writeState } from "../../src/stores/memory/state-file.js";
import { definition } from "./operations.js";
import { hold, request } from "./requests.js";
import { fileOf, open, remembered, temporaryDirectory } from "./state-directories.js";

vi.mock("../../src/stores/memory/state-file.js", { spy: true });

const writes = vi.mocked(writeState);

/** The limits that the file holds. */
function limits(directory: string): Record<string, number> {
  const semaphores = remembered(directory).semaphores as { semaphore: string; limit: number }[];
  return Object.fromEntries(semaphores.map(({ semaphore, limit }) => [semaphore, limit]));
}

/** A store of its own, whose writes are counted from here on. */
async function opened() {
  const directory = temporaryDirectory();
  const store = await open(directory);
  writes.mockClear();
  return { directory, store };
}

describe("definitions in a state directory", () => {
  it("are written once for all that are asked for in one turn, before anyone hears of it", async () => {
    const { directory, store } = await opened();
    const names = Array.from({ length: 50 }, (_, index) => `s${index}`);
    const defining = names.map(async (name) => {
      await store.inspect(name);
      const result = await store.define(name, definition(3));
      expect(limits(directory)[name]).toBe(3);
      return result;
    });
    const results = await Promise.all(defining);
    expect(results).toEqual(names.map(() => ({ created: true, definition: definition(3), version: 1 })));
    expect(writes).toHaveBeenCalledTimes(1);
    expect((await store.list({ pageSize: 100 })).semaphores).toHaveLength(50);
  });

  it("are written together whatever becomes of them", async () => {
    const { directory, store } = await opened();
    await Promise.all(["a", "b", "c"].map((name) => store.define(name, definition(1))));
    await hold(store, "held", { semaphore: "c", leaseMs: 15_000 });
    writes.mockClear();
    const results = await Promise.all([
      store.remove("a"),
      store.resize("b", 2),
      store.remove("c"),
      store.resize("d", 2),
      store.define("e", definition(5)),
    ]);
    expect(results).toMatchObject([
      "removed",
      { outcome: "resized", version: 2 },
      "in_use",
      { outcome: "unknown" },
      { created: true },
    ]);
    expect(writes).toHaveBeenCalledTimes(1);
    expect(limits(directory)).toEqual({ b: 2, c: 1, e: 5 });
  });

  it("let the loop go on while one is made after the other", async () => {
    const { store } = await opened();
    let turns = 0;
    let counting = setImmediate(function count() {
      turns += 1;
      counting = setImmediate(count);
    });
    for (const name of ["a", "b", "c"]) await store.define(name, definition(1));
    clearImmediate(counting);
    expect(turns).toBeGreaterThanOrEqual(2);
    expect(writes).toHaveBeenCalledTimes(3);
  });

  it("are not written where they change nothing", async () => {
    const { store } = await opened();
    await store.define("a", definition(1));
    writes.mockClear();
    expect(await store.define("a", definition(1))).toMatchObject({ created: false, version: 1 });
    expect(await store.remove("b")).toBe("unknown");
    expect(writes).not.toHaveBeenCalled();
  });

  it("come before what is asked for after them, in the same turn too", async () => {
    const { store } = await opened();
    const asked = [
      store.define("api", definition(1)),
      store.acquire(request("a", { create: undefined, leaseMs: 15_000 })),
      store.resize("api", 2),
      store.resize("api", 3),
      store.inspect("api"),
      store.define("other", definition(4)),
      store.list(),
    ];
    expect(await Promise.all(asked)).toMatchObject([
      { created: true },
      { outcome: "granted", limit: 1 },
      { version: 2 },
      { version: 3 },
      { limit: 3, inUse: 1 },
      { created: true },
      { semaphores: [{ semaphore: "api" }, { semaphore: "other" }] },
    ]);
  });

  it("are kept by a store that is closed in the same turn", async () => {
    const { directory, store } = await opened();
    const defined = store.define("api", definition(2));
    await store.close();
    expect(await defined).toMatchObject({ created: true });
    expect(limits(directory)).toEqual({ api: 2 });
    await expect(store.define("api", definition(3))).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  });

  it("fail for everyone whose change cannot be written, and nothing of it is done", async () => {
    const { directory, store } = await opened();
    await store.define("api", definition(1));
    await store.define("same", definition(1));
    const obstacle = `${fileOf(directory)}.new`;
    mkdirSync(obstacle);
    const outcomes = await Promise.allSettled([
      store.resize("api", 2),
      store.define("other", definition(1)),
      store.define("same", definition(1)),
    ]);
    rmdirSync(obstacle);
    const unavailable = { status: "rejected", reason: { code: "STORE_UNAVAILABLE" } };
    expect(outcomes).toMatchObject([unavailable, unavailable, { status: "fulfilled" }]);
    expect((await store.list()).semaphores).toMatchObject([
      { semaphore: "api", limit: 1, version: 1 },
      { semaphore: "same", limit: 1, version: 1 },
    ]);
    expect(limits(directory)).toEqual({ api: 1, same: 1 });
  });
});
