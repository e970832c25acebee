import { startRedis, until } from "@sluice/testkit";
import { Redis } from "ioredis";
import { describe, expect, it } from "vitest";
import { redlockStore } from "../../src/stores/redlock/index.js";
import { definition, grantOf, semaphore } from "./acquires.js";

const three = ["redis://a", "redis://b", "redis://c"];

describe("redlockStore refuses", () => {
  it.each([
    ["no masters", []],
    ["one master", ["redis://a"]],
    ["an even number", [...three, "redis://d"]],
    ["what is no list", "redis://a,redis://b,redis://c"],
  ])("%s", (_what, masters) => {
    expect(() => redlockStore(masters as string[])).toThrow(
      /masters must be an odd number of masters, three or more, since a majority of them decides/,
    );
  });

  it("one master twice", () => {
    expect(() => redlockStore(["redis://a", "redis://b", "redis://a"])).toThrow(
      "masters must be masters that differ",
    );
  });

  it.each([
    [
      ["redis://a", "redis://b", "http://c"],
      "masters[2] must be a redis:// or rediss:// URL, or an ioredis client",
    ],
    [["redis://a", "redis://b", {}], "masters[2] must be a redis:// or rediss:// URL, or an ioredis client"],
  ])("a master that is none: %j", (masters, message) => {
    expect(() => redlockStore(masters as string[])).toThrow(message);
  });

  it.each([
    [{ prefix: "a b" }, "prefix must be"],
    [{ maxLeaseMs: 99 }, "maxLeaseMs must be a whole number from 100"],
    [{ assumeFresh: 1 }, "assumeFresh must be true or false"],
    [{ quorum: 2 }, "options.quorum must be left out"],
  ])("the options %j", (options, message) => {
    expect(() => redlockStore(three, options as object)).toThrow(message);
  });
});

it("counts one server under two names once, and says so where it would be needed twice", async () => {
  const servers = await Promise.all([startRedis(), startRedis()]);
  const urls = servers.map(({ url }) => url);
  const store = redlockStore([...urls, `${urls[0]}/1`], { assumeFresh: true });
  try {
    await store.define(semaphore, definition(1));
    await grantOf(store);
    await servers[1]?.kill();
    await until(
      () =>
        store.ping().then(
          () => undefined,
          (error: Error) => /two of the masters are one server/.test(error.message),
        ),
      { what: "the reason" },
    );
  } finally {
    await store.close();
    for (const server of servers) await server.stop();
  }
});

it("takes clients of the caller's, leaves them open, and refuses limits that it has no slots for", async () => {
  const servers = await Promise.all([startRedis(), startRedis(), startRedis()]);
  const clients = servers.map(({ url }) => new Redis(url));
  try {
    const store = redlockStore(clients, { assumeFresh: true });
    await store.define(semaphore, definition(1_000));
    await grantOf(store, { permits: 1_000 });
    await expect(store.resize(semaphore, 1_001)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await expect(grantOf(store, { create: definition(1_001) })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
    await store.close();
    expect(await clients[0]?.ping()).toBe("PONG");
  } finally {
    for (const client of clients) client.disconnect();
    for (const server of servers) await server.stop();
  }
});
