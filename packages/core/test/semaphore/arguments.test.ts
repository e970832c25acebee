import { expect, test } from "vitest";
import { InvalidArgumentError } from "../../src/errors.js";
import { Semaphore } from "../../src/semaphore.js";
import { memoryStore } from "../../src/stores/memory/index.js";
import { StubStore } from "./stub-store.js";

/** Arguments as a caller without types may hand them in. */
// biome-ignore lint/suspicious/noExplicitAny: that is what these tests are about
type Anything = any;

const badPermits: Anything[] = [
  0,
  -1,
  1.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  2 ** 31,
  "1",
  null,
  {},
  [1],
  1n,
  true,
];
const badLeaseMs: Anything[] = [0, 99, -1, 100.5, Number.NaN, Number.POSITIVE_INFINITY, 15_001, "10s", null];

test.each([
  ["permits", badPermits],
  ["waitMs", [-1, Number.NaN, Number.NEGATIVE_INFINITY, 2 ** 31, "5", null, {}]],
  ["priority", [-1_001, 1_001, 0.5, Number.NaN, "high", null]],
  ["leaseMs", badLeaseMs],
  ["holder", ["", "x".repeat(129), "a\nb", "tab\t", "\u0000", "\ud800", 7, null]],
  ["signal", [{}, null, "abort", new AbortController(), { aborted: false }]],
])("acquire refuses a bad %s, names it, and asks the store nothing", async (option, values) => {
  const store = new StubStore();
  const semaphore = new Semaphore(store, "openai", { limit: 10 });
  for (const value of values) {
    const error = await semaphore.acquire({ [option]: value } as Anything).catch((caught) => caught);
    expect(error, `${option}: ${String(value)}`).toBeInstanceOf(InvalidArgumentError);
    expect(error).toMatchObject({ code: "INVALID_ARGUMENT", argument: option });
    expect(error.message).toMatch(new RegExp(`^${option} must be .+; got `));
  }
  expect(store.acquires).toEqual([]);
});

test.each([
  ["limit", [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, "10", null]],
  ["leaseMs", badLeaseMs],
  ["maxWaiters", [-1, 0.5, "many", null]],
  ["holder", ["", "x".repeat(129), 7]],
  ["redefine", [1, "true", null]],
])("the constructor refuses a bad %s and names it", (option, values) => {
  for (const value of values) {
    const construct = () =>
      new Semaphore(new StubStore(), "openai", { limit: 10, [option]: value } as Anything);
    expect(construct, `${option}: ${String(value)}`).toThrow(InvalidArgumentError);
    expect(construct).toThrow(new RegExp(`^${option} must be `));
  }
});

test("every bound itself is accepted", async () => {
  const store = new StubStore();
  const semaphore = new Semaphore(store, "openai", {
    limit: 0,
    leaseMs: 100,
    maxWaiters: 0,
    holder: "x".repeat(128),
  });
  await semaphore.acquire({
    permits: 2 ** 31 - 1,
    priority: -1_000,
    waitMs: 0,
    leaseMs: 15_000,
    holder: "é🚀 [a]",
  });
  await semaphore.acquire({ permits: 1, priority: 1_000, waitMs: Number.POSITIVE_INFINITY });
  await semaphore.acquire({ waitMs: 2 ** 31 - 1 });
  expect(store.acquires).toHaveLength(3);
});

test("a lease longer than the store accepts is refused with both numbers", async () => {
  const store = memoryStore({ maxLeaseMs: 5_000 });
  expect(() => new Semaphore(store, "openai", { limit: 1, leaseMs: 6_000 })).toThrow(
    "leaseMs must be at most the store's maxLeaseMs of 5000; got 6000",
  );
  await expect(new Semaphore(store, "openai", { limit: 1 }).acquire({ leaseMs: 5_001 })).rejects.toThrow(
    "leaseMs must be at most the store's maxLeaseMs of 5000; got 5001",
  );
});

test("a store that accepts less than the default lease gets its longest", async () => {
  const store = new StubStore();
  store.maxLeaseMs = 5_000;
  await new Semaphore(store, "openai", { limit: 1 }).acquire();
  expect(store.acquires[0]?.create?.leaseMs).toBe(5_000);
});

test("unknown options are refused together with a list of the known ones", async () => {
  const semaphore = new Semaphore(new StubStore(), "openai", { limit: 10 });
  await expect(semaphore.acquire({ timeout: 5 } as Anything)).rejects.toThrow(
    /^options\.timeout must be left out \(options: .*waitMs.*\); got 5$/,
  );
  await expect(semaphore.tryAcquire({ waitMs: 5 } as Anything)).rejects.toThrow(
    /^options\.waitMs must be left out/,
  );
  expect(() => new Semaphore(new StubStore(), "openai", { limt: 10 } as Anything)).toThrow(
    /^options\.limt must be/,
  );
  await expect(semaphore.inspect({ page: 2 } as Anything)).rejects.toThrow(/^options\.page must be/);
});

test("options that are undefined count as left out", async () => {
  const store = new StubStore();
  const semaphore = new Semaphore(store, "openai", { limit: 10, leaseMs: undefined, holder: undefined });
  await semaphore.acquire({ permits: undefined, waitMs: undefined, signal: undefined });
  expect(store.acquires[0]).toMatchObject({
    permits: 1,
    waitMs: Number.POSITIVE_INFINITY,
    leaseMs: undefined,
  });
});

test.each([[5], ["x"], [null], [[]]])("options must be an object, not %j", async (options: Anything) => {
  const semaphore = new Semaphore(new StubStore(), "openai", { limit: 10 });
  await expect(semaphore.acquire(options)).rejects.toThrow(/^options must be an object; got /);
  expect(() => new Semaphore(new StubStore(), "openai", options)).toThrow(/^options must be an object; got /);
});

test("names follow one pattern", () => {
  const store = new StubStore();
  const bad: Anything[] = [
    "",
    "a b",
    "-a",
    ".a",
    "a/b",
    "a{b}",
    "é",
    "x".repeat(129),
    7,
    null,
    undefined,
    "a\n",
  ];
  for (const name of bad)
    expect(() => new Semaphore(store, name), String(name)).toThrow(/^name must be a string that/);
  for (const name of ["a", "0", "A.b_c:d-e", "x".repeat(128)])
    expect(new Semaphore(store, name).name).toBe(name);
});

test("what does not look like a store is refused", () => {
  const bad: Anything[] = [undefined, null, "redis://localhost", {}, { ...memoryStore() }, { acquire() {} }];
  for (const store of bad) {
    expect(() => new Semaphore(store, "openai")).toThrow(/^store must be a Store, such as .*; got /);
  }
});

test("what only makes sense together with a limit is refused without one", () => {
  expect(() => new Semaphore(new StubStore(), "openai", { redefine: true })).toThrow(
    "redefine must be given together with limit; got true",
  );
  expect(() => new Semaphore(new StubStore(), "openai", { maxWaiters: 5 })).toThrow(
    "maxWaiters must be given together with limit; got 5",
  );
});

test("use and wrap want a function", async () => {
  const semaphore = new Semaphore(new StubStore(), "openai", { limit: 10 });
  await expect(semaphore.use(42 as Anything)).rejects.toThrow("work must be a function; got 42");
  expect(() => semaphore.wrap(undefined as Anything)).toThrow("work must be a function; got undefined");
  expect(() => semaphore.wrap(() => 1, { permits: 0 })).toThrow(/^permits must be/);
});

test("resize and inspect check what they get", async () => {
  const semaphore = new Semaphore(new StubStore(), "openai", { limit: 10 });
  for (const limit of [-1, 1.5, Number.NaN, "5"] as Anything[]) {
    await expect(semaphore.resize(limit)).rejects.toThrow(
      /^limit must be an integer from 0 to 2147483647; got /,
    );
  }
  for (const pageSize of [0, 1_001, 1.5, "5"] as Anything[]) {
    await expect(semaphore.inspect({ pageSize })).rejects.toThrow(
      /^pageSize must be an integer from 1 to 1000; got /,
    );
  }
  await expect(semaphore.inspect({ cursor: 5 as Anything })).rejects.toThrow(
    "cursor must be a string; got 5",
  );
});
