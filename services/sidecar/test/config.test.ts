import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { StoreIncompatibleError, StoreUnavailableError } from "@sluice/core";
import { memoryStore } from "@sluice/core/memory";
import { until } from "@sluice/testkit";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { applyDeclarations } from "../src/config/apply.js";
import { type Declarations, readDeclarations } from "../src/config/declarations.js";
import { SettingsError } from "../src/settings.js";
import type { Sidecar } from "../src/sidecar.js";
import { Folder } from "./folders.js";
import { call } from "./http.js";
import { startTestSidecar } from "./sidecars.js";

const folder = new Folder();
const file = `${folder.path}/semaphores.yaml`;

afterAll(() => folder[Symbol.dispose]());

const write = (text: string) => folder.write("semaphores.yaml", text);

function declared(text: string): Declarations {
  return readDeclarations(write(text), 15_000);
}

/** The faults of a file, each without the folder that the file is in. */
function faultsOf(text: string): string[] {
  try {
    declared(text);
  } catch (error) {
    if (error instanceof SettingsError) return error.faults.map((fault) => fault.replace(`${file}:`, ""));
    throw error;
  }
  throw new Error("the file is good");
}

describe("a configuration", () => {
  const whole = { limit: 10, leaseMs: 2_000, maxWaiters: 7 };
  const short = { limit: 5, leaseMs: 10_000, maxWaiters: 100_000 };

  it("declares semaphores in YAML or in JSON; a bare number is the limit", () => {
    const expected = new Map(Object.entries({ openai: whole, batch: short, paused: { ...short, limit: 0 } }));
    expect(
      declared(`# what we share
semaphores:
  openai: { limit: 10, leaseMs: 2000, maxWaiters: 7 }
  batch: 5
  paused:
    limit: 0
`),
    ).toEqual(expected);
    const semaphores = { openai: whole, batch: 5, paused: { limit: 0 } };
    expect(declared(JSON.stringify({ semaphores }, undefined, "\t"))).toEqual(expected);
  });

  it("may say a thing once and use it again", () => {
    expect(declared("semaphores: { a: &usual { limit: 5 }, b: *usual }")).toEqual(
      new Map(Object.entries({ a: short, b: short })),
    );
  });

  it("may declare nothing", () => {
    expect(declared("semaphores: {}")).toEqual(new Map());
  });

  it("is told all that is wrong with it, with line, column and field, and what was expected", () => {
    const faults = faultsOf(`semaphores:
  openai: { limit: ten }
  batch: -1
  half: 0.5
  "no name": 3
  none:
  list: [1]
  long:
    limit: 1
    leaseMs: 15001
    maxWaiter: 3
  empty: {}
limits: {}
`);
    expect(faults).toEqual([
      '2:20: semaphores.openai.limit must be an integer from 0 to 2147483647; got "ten"',
      "3:10: semaphores.batch.limit must be an integer from 0 to 2147483647; got -1",
      "4:9: semaphores.half.limit must be an integer from 0 to 2147483647; got 0.5",
      "5:3: semaphores.no name must be a name that matches ^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$",
      "6:8: semaphores.none must be a limit, or a mapping with limit, leaseMs?, maxWaiters?; got null",
      "7:9: semaphores.list must be a limit, or a mapping with limit, leaseMs?, maxWaiters?; got an array",
      "10:14: semaphores.long.leaseMs must be at most SLUICE_MAX_LEASE_MS, 15000; got 15001",
      "11:5: semaphores.long.maxWaiter must be left out; no such field is known here",
      "12:10: semaphores.empty.limit must be an integer from 0 to 2147483647; got undefined",
      "13:1: limits must be left out; no such field is known here",
    ]);
  });

  it.each([
    ["", ["1:1: the file must be a mapping with semaphores; got null"]],
    ["semaphores: 3", ["1:13: semaphores must be a mapping of names to limits; got 3"]],
    ["semaphores:\n  a: 1\n  b: 2\n  a: 3", ["4:3: semaphores.a must be given once"]],
    ['{"semaphores": {"a": 1, "a": 2}}', ["1:25: semaphores.a must be given once"]],
    ["semaphores:\n  007: 1", ["2:3: semaphores.007 must be named by text: put the name in quotes"]],
    ["semaphores: {a: 1", [expect.stringMatching(/^1:18: it must be YAML or JSON; .*\}/)]],
    ["semaphores: {a: *b}", [expect.stringMatching(/^1:17: it must be YAML or JSON; Unresolved alias/)]],
  ])("is refused where it is %j", (text, faults) => {
    expect(faultsOf(text)).toEqual(faults);
  });

  it("that cannot be read says which setting names it", () => {
    expect(() => readDeclarations(`${folder.path}/none`, 15_000)).toThrow(/^SLUICE_CONFIG: ENOENT.*none/);
  });
});

describe("applying a configuration", () => {
  it("creates, changes, leaves alone, and deletes nothing", async () => {
    const store = memoryStore();
    await store.define("same", { limit: 1, leaseMs: 10_000, maxWaiters: 100_000 });
    await store.define("other", { limit: 10, leaseMs: 5_000, maxWaiters: 100_000 });
    await store.define("foreign", { limit: 1, leaseMs: 10_000, maxWaiters: 100_000 });
    await makeInPassing(store, "passing", 3);
    const declarations = declared("semaphores: { new: 2, same: 1, other: 20, passing: 3 }");
    expect(await applyDeclarations(store, declarations)).toEqual({
      created: ["new"],
      changed: [
        { semaphore: "other", difference: "limit 10 -> 20, leaseMs 5000 -> 10000" },
        { semaphore: "passing", difference: "" },
      ],
      unchanged: 1,
      undeclared: ["foreign"],
    });
    expect(await store.inspect("same")).toMatchObject({ limit: 1, version: 1 });
    expect(await store.inspect("passing")).toMatchObject({ limit: 3, version: 1 });
    expect(await store.inspect("foreign")).toMatchObject({ limit: 1 });
    expect(await applyDeclarations(store, declarations)).toMatchObject({
      created: [],
      changed: [],
      unchanged: 4,
    });
    await store.close();
  });

  it("finds what is not declared on every page of a long list", async () => {
    const store = memoryStore();
    const names = Array.from({ length: 1_500 }, (_, index) => `s-${index}`);
    for (const name of names) await store.define(name, { limit: 1, leaseMs: 10_000, maxWaiters: 1 });
    const { undeclared } = await applyDeclarations(store, declared("semaphores: {}"));
    expect([...undeclared].sort()).toEqual(names.sort());
    await store.close();
  });
});

describe("a sidecar with a configuration", () => {
  const logged: string[] = [];
  let sidecar: Sidecar;

  afterEach(async () => {
    await sidecar.close();
    logged.length = 0;
  });

  const entries = () => logged.map((line) => JSON.parse(line));
  const messages = () => entries().map(({ level, msg }) => `${level} ${msg}`);
  const readyz = () => call<{ components: Record<string, unknown> }>(sidecar.url, "GET", "/readyz");

  it("has applied it when it is ready, and logs the difference", async () => {
    sidecar = await startTestSidecar({
      logged,
      environment: { SLUICE_CONFIG: write("semaphores: { api: 3 }") },
    });
    await until(async () => (await readyz()).status === 200, { what: "to be ready" });
    expect((await readyz()).body.components).toMatchObject({ config: { status: "applied" } });
    expect(await sidecar.store.inspect("api")).toMatchObject({ limit: 3, version: 1 });
    expect(entries()).toContainEqual(
      expect.objectContaining({
        level: "info",
        msg: "configuration applied",
        file,
        created: 1,
        changed: 0,
        unchanged: 0,
      }),
    );
  });

  it("does not start with a bad one", async () => {
    const environment = { SLUICE_CONFIG: write("semaphores: { api: many }") };
    await expect(startTestSidecar({ environment })).rejects.toThrow(SettingsError);
  });

  it("applies it once the store answers, and is not ready before", async () => {
    const store = memoryStore();
    const inspect = store.inspect;
    store.inspect = () => Promise.reject(new StoreUnavailableError("Redis is away"));
    sidecar = await startTestSidecar({
      store,
      logged,
      environment: { SLUICE_CONFIG: write("semaphores: { api: 3 }") },
    });
    expect(await readyz()).toMatchObject({
      status: 503,
      body: { status: "unavailable", components: { store: { status: "up" }, config: { status: "pending" } } },
    });
    store.inspect = inspect;
    await until(async () => (await readyz()).status === 200, { what: "to be ready" });
    expect(await store.inspect("api")).toMatchObject({ limit: 3 });
  });

  it("says once why the store does not take it, and again when the reason is another one", async () => {
    const store = memoryStore();
    const { define } = store;
    let reason = "the state is of a newer version";
    let asked = 0;
    store.define = () => {
      asked += 1;
      return Promise.reject(new StoreIncompatibleError(reason));
    };
    sidecar = await startTestSidecar({
      store,
      logged,
      environment: { SLUICE_CONFIG: write("semaphores: { api: 3 }") },
    });
    await until(() => asked >= 3, { what: "to be asked again" });
    expect((await readyz()).body.components.config).toEqual({
      status: "pending",
      detail: "the store has not taken it yet: the state is of a newer version",
    });
    reason = "the server is too old";
    const enough = asked + 2;
    await until(() => asked >= enough, { what: "to be asked again" });
    store.define = define;
    await until(async () => (await readyz()).status === 200, { what: "to be ready" });
    expect((await readyz()).body.components.config).toEqual({ status: "applied" });
    expect(entries().filter(({ level }) => level === "warn")).toMatchObject(
      ["the state is of a newer version", "the server is too old"].map((message) => ({
        msg: "the configuration is not applied: the store did not take it, and is asked again",
        file,
        cause: { message },
      })),
    );
  });

  it("goes no further with a former one, which can undo nothing of the new one", async () => {
    const store = memoryStore();
    const { define, inspect } = store;
    const [looked, taken] = [held(), held()];
    const looks: string[] = [];
    const defined: string[] = [];
    store.inspect = async (semaphore) => {
      looks.push(semaphore);
      if (semaphore === "two") await looked.promise;
      return inspect.call(store, semaphore);
    };
    let begun = false;
    store.define = async (semaphore, definition) => {
      begun = true;
      await taken.promise;
      defined.push(`${semaphore} ${definition.limit}`);
      return define.call(store, semaphore, definition);
    };
    sidecar = await startTestSidecar({
      store,
      environment: { SLUICE_CONFIG: write("semaphores: { one: 1, two: 1 }") },
    });
    await until(() => begun, { what: "the first one to begin" });
    write("semaphores: { one: 2, two: 2 }");
    sidecar.reload();
    looked.release();
    const pending = { status: "pending", detail: "the store has not taken it yet" };
    expect((await readyz()).body.components.config).toEqual(pending);
    expect(looks).toEqual(["one", "two"]);
    taken.release();
    await until(async () => (await readyz()).status === 200, { what: "to be ready" });
    expect(defined).toEqual(["one 1", "one 2", "two 2"]);
    expect(looks).toEqual(["one", "two", "one", "two"]);
  });

  it("is applied at once, and told in the order of the file where the store refuses some of it", async () => {
    const store = memoryStore();
    const { define } = store;
    store.define = (semaphore, definition) =>
      semaphore.startsWith("bad")
        ? Promise.reject(new StoreIncompatibleError(`${semaphore} is of a newer version`))
        : define.call(store, semaphore, definition);
    sidecar = await startTestSidecar({
      store,
      environment: { SLUICE_CONFIG: write("semaphores: { one: 1, bad1: 1, bad2: 1, two: 2 }") },
    });
    await until(async () => (await store.inspect("two"))?.version === 1, { what: "what it takes" });
    const told = async () => JSON.stringify((await readyz()).body.components.config);
    await until(async () => (await told()).includes("bad1 is of"), { what: "what it refuses" });
  });

  it("applies it again when it is asked to, and says what has changed", async () => {
    sidecar = await startTestSidecar({
      logged,
      environment: { SLUICE_CONFIG: write("semaphores: { api: 3, old: 1 }") },
    });
    await until(() => messages().includes("info configuration applied"), { what: "the first one" });
    logged.length = 0;
    write("semaphores: { api: 4, new: 1 }");
    sidecar.reload();
    await until(async () => (await sidecar.store.inspect("new"))?.version === 1, { what: "the second one" });
    await until(() => messages().length === 4, { what: "to be told" });
    expect(entries().map(({ time, ...entry }) => entry)).toEqual([
      { level: "info", msg: "semaphore created by the configuration", semaphore: "new" },
      {
        level: "info",
        msg: "semaphore changed by the configuration",
        semaphore: "api",
        difference: "limit 3 -> 4",
      },
      { level: "info", msg: "configuration applied", file, created: 1, changed: 1, unchanged: 0 },
      {
        level: "warn",
        msg: "permanent semaphores that the configuration does not declare are left as they are",
        count: 1,
        semaphores: ["old"],
      },
    ]);
    expect(await sidecar.store.inspect("old")).toMatchObject({ limit: 1 });
  });

  it("keeps the former one where the new one is bad, and is ready all the same", async () => {
    sidecar = await startTestSidecar({
      logged,
      environment: { SLUICE_CONFIG: write("semaphores: { api: 3 }") },
    });
    await until(async () => (await readyz()).status === 200, { what: "to be ready" });
    write("semaphores: { api: many }");
    sidecar.reload();
    expect(await readyz()).toMatchObject({
      status: 200,
      body: { components: { config: { status: "outdated" } } },
    });
    expect(await sidecar.store.inspect("api")).toMatchObject({ limit: 3, version: 1 });
    expect(entries()).toContainEqual(
      expect.objectContaining({
        level: "error",
        faults: [
          `${file}:1:20: semaphores.api must be a limit, or a mapping with limit, leaseMs?, maxWaiters?; got "many"`,
        ],
      }),
    );
    write("semaphores: { api: 5 }");
    sidecar.reload();
    await until(async () => (await sidecar.store.inspect("api"))?.limit === 5, { what: "the good one" });
    expect((await readyz()).body.components).toMatchObject({ config: { status: "applied" } });
  });
});

it("a sidecar that cannot listen applies nothing", async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  const { port } = taken.address() as AddressInfo;
  const store = memoryStore();
  const looks = vi.spyOn(store, "inspect");
  const environment = { SLUICE_CONFIG: write("semaphores: { api: 3 }"), SLUICE_PORT: String(port) };
  await expect(startTestSidecar({ store, environment })).rejects.toThrow("EADDRINUSE");
  expect(looks).not.toHaveBeenCalled();
  taken.close();
});

/** Something that lasts until it is released. */
function held(): { readonly promise: Promise<void>; readonly release: () => void } {
  let release = () => {};
  const promise = new Promise<void>((resolve) => {
    release = resolve;
  });
  return { promise, release };
}

async function makeInPassing(store: ReturnType<typeof memoryStore>, semaphore: string, limit: number) {
  await store.acquire({
    semaphore,
    lease: "lease",
    attempt: "",
    fingerprint: "",
    permits: 1,
    priority: 0,
    waitMs: 0,
    leaseMs: undefined,
    holder: "test",
    create: { limit, leaseMs: 10_000, maxWaiters: 100_000 },
  });
}
