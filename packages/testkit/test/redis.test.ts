import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { spawnNode } from "../src/processes/node.js";
import { askRedis } from "../src/redis/ask.js";
import { redisServerPath } from "../src/redis/binary.js";
import { type RedisServer, startRedis } from "../src/redis/server.js";
import { until } from "../src/until.js";

describe("startRedis", () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());

  it("answers, and is the process that it says", async () => {
    expect(await redis.command("PING")).toBe("PONG");
    expect(await redis.command("INFO", "server")).toContain(`process_id:${redis.pid}\r\n`);
  });

  it("keeps nothing on disk", async () => {
    await redis.command("SET", "key", "value");
    await redis.restart();
    expect(await redis.command("GET", "key")).toBeNull();
  });

  it("rejects a command with the server's own error", async () => {
    await expect(redis.command("NONSENSE")).rejects.toThrow("unknown command");
  });

  it("fails with the server's log where the given port is taken", async () => {
    await expect(startRedis({ port: redis.port })).rejects.toThrow("Address already in use");
    expect(await redis.command("PING")).toBe("PONG");
  });

  it("does not take another server's answer for its own", async () => {
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
    vi.stubEnv(
      "SLUICE_TEST_REDIS_SERVER",
      fileURLToPath(new URL("./children/never-listens.sh", import.meta.url)),
    );
    const failing = startRedis({ port: redis.port, startMs: 200 });
    await expect(failing).rejects.toThrow(`process ${redis.pid} answers there, and not`);
  });

  it("fails with the server's log where an argument is wrong", async () => {
    await expect(startRedis({ args: ["--no-such-setting", "1"] })).rejects.toThrow("no-such-setting");
  });

  it("answers nothing while paused, and once resumed what it was asked meanwhile", async () => {
    redis.pause();
    const patient = askRedis(redis.port, ["PING"], { timeoutMs: 15_000 });
    const hasty = askRedis(redis.port, ["PING"], { timeoutMs: 50 });
    await expect(hasty).rejects.toThrow(`Redis at port ${redis.port} did not answer PING within 50 ms`);
    redis.resume();
    expect(await patient).toBe("PONG");
  });
});

it("keeps what the caller asked it to keep over a kill, and loses it when restarted empty", async () => {
  await using redis = await startRedis({ args: ["--appendonly", "yes", "--appendfsync", "always"] });
  await redis.command("SET", "key", "value");
  await redis.restart();
  expect(await redis.command("GET", "key")).toBe("value");
  await redis.restart({ empty: true });
  expect(await redis.command("GET", "key")).toBeNull();
});

it("dies, and deletes its data, when the process that started it is killed", async () => {
  const parent = spawnNode(new URL("./children/starts-redis.mjs", import.meta.url));
  const { port, folder } = await parent.next<{ port: number; folder: string }>();
  expect(existsSync(folder)).toBe(true);
  await parent.kill();
  await until(async () => !existsSync(folder) && !(await answers(port)), { what: "the server to be gone" });
});

describe("redisServerPath", () => {
  it("takes the one that was chosen, unseen", () => {
    expect(redisServerPath({ SLUICE_TEST_REDIS_SERVER: "/chosen", PATH: "" })).toBe("/chosen");
  });
});

async function answers(port: number): Promise<boolean> {
  return askRedis(port, ["PING"]).then(
    () => true,
    () => false,
  );
}
