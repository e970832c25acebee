import { expect, it, onTestFinished } from "vitest";
import { type Link, startLink } from "../src/faults/link.js";
import { type RedisServer, startRedis } from "../src/redis/server.js";
import { until } from "../src/until.js";

/** A replica tries to connect, and a master to begin a copy, once in a second. */
const patienceMs = 15_000;

async function replicated(): Promise<{ master: RedisServer; link: Link; replica: RedisServer }> {
  const master = await startRedis({ args: ["--repl-diskless-sync-delay", "0"] });
  const link = await startLink(master.port);
  const args = ["--replicaof", "127.0.0.1", String(link.port)];
  const replica = await startRedis({ args });
  onTestFinished(async () => {
    await replica.stop();
    await link.close();
    await master.stop();
  });
  await master.command("SET", "key", "first");
  await until(async () => (await replica.command("GET", "key")) === "first", {
    what: "replication",
    timeoutMs: patienceMs,
  });
  return { master, link, replica };
}

it("carries a replication until it is cut, and again when it is mended", async () => {
  const { master, link, replica } = await replicated();
  link.refusing = true;
  link.cutAll();
  await master.command("SET", "key", "second");
  await until(async () => String(await replica.command("INFO", "replication")).includes("link_status:down"), {
    what: "the loss of the link",
    timeoutMs: patienceMs,
  });
  expect(await replica.command("GET", "key")).toBe("first");
  link.refusing = false;
  await until(async () => (await replica.command("GET", "key")) === "second", {
    what: "the rest",
    timeoutMs: patienceMs,
  });
});

it("holds back what the replica has not got yet, which it then lacks when it is promoted", async () => {
  const { master, link, replica } = await replicated();
  link.blackhole("toClient");
  await master.command("SET", "key", "second");
  await replica.command("REPLICAOF", "NO", "ONE");
  expect(await replica.command("GET", "key")).toBe("first");
});

it("delivers late, in order", async () => {
  const { master, link, replica } = await replicated();
  link.delay("toClient", 100);
  const from = performance.now();
  for (let value = 1; value <= 50; value++) await master.command("SET", "key", value);
  link.heal();
  await until(async () => (await replica.command("GET", "key")) === "50", {
    what: "the last value",
    timeoutMs: patienceMs,
  });
  expect(performance.now() - from).toBeGreaterThan(99);
});
