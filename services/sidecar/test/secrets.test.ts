import { request } from "node:http";
import { type RedisServer, startRedis, until } from "@sluice/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Folder } from "./folders.js";
import { call } from "./http.js";
import { Program } from "./program.js";

const folder = new Folder();
const started: Program[] = [];

const password = "hunter2-redis";
const operator = "hunter2-hunter2-operator";
const reader = "hunter2-hunter2-reader";
const key = "hunter2-key";
const holder = "hunter2\u202e\u009b";
const path = "/v1/semaphores/api";

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis({ args: ["--user", "app", "on", `>${password}`, "~*", "&*", "+@all"] });
});

afterAll(async () => {
  await Promise.all(started.map((program) => program.kill()));
  await redis.stop();
  folder[Symbol.dispose]();
});

function start(redisPassword: string): Program {
  const tokens = [
    { name: "on-call", token: operator, scopes: ["operate"] },
    { name: "dashboard", token: reader, scopes: ["read"] },
  ];
  const program = new Program({
    REDIS_URL: `redis://app:${redisPassword}@127.0.0.1:${redis.port}`,
    SLUICE_ASSUME_FRESH: "1",
    SLUICE_TOKENS_FILE: folder.write("tokens.yaml", JSON.stringify({ tokens })),
    SLUICE_LOG_LEVEL: "debug",
  });
  started.push(program);
  return program;
}

const said = (program: Program) => program.stdout + program.stderr;

describe("a sidecar that logs all it can tells no secret", () => {
  it("of any call, whether it is carried out or refused", async () => {
    const program = start(password);
    const url = await program.url();
    const calls = (method: string, at: string, body?: unknown, token = operator, headers = {}) =>
      call(url, method, at, { body, headers: { authorization: `Bearer ${token}`, ...headers } });
    await until(async () => (await call(url, "GET", "/readyz")).status === 200, { what: "to be ready" });

    await calls("PUT", path, { limit: 2 });
    const { body } = await calls("POST", `${path}/acquire`, { holder: "x" }, operator, {
      "idempotency-key": key,
    });
    const lease = String(body.lease);
    const other = String((await calls("POST", `${path}/acquire`, {})).body.lease);
    await calls("POST", `${path}/acquire`, { holder });
    await calls("POST", `${path}/acquire`, { permits: 3 }, operator, { "idempotency-key": key });
    await calls("POST", `${path}/renew`, { leases: [lease, "hunter2-lease"] });
    await calls("DELETE", `${path}/leases/${other}`);
    await calls("DELETE", `${path}/leases/hunter2-lease`);
    await calls("POST", `${path}/release`, { lease });
    await calls("POST", `${path}/release`, '{"lease": "hunter2-lease');
    await calls("GET", `${path}?cursor=hunter2-cursor`);
    await calls("GET", "/v1/semaphores/hunter2%20name");
    await calls("GET", "/hunter2-nowhere");
    await calls("PATCH", path, { limit: 3 }, reader);
    await calls("PATCH", path, { limit: 3 }, "hunter2-hunter2-unknown");
    await calls("GET", path, undefined, operator, { host: "hunter2.example" });
    await calls("GET", path, undefined, operator, { origin: "http://hunter2.example" });
    await hold(url);
    await calls("DELETE", path);

    // A line is written when its answer is out, and comes by another way.
    const isOfACall = (line: string) => line.includes('"msg":"request"') && !line.includes('"/readyz"');
    await until(() => program.stderr.split("\n").filter(isOfACall).length === 19, {
      what: "a line for each",
    });
    for (const secret of ["hunter2", lease, other, "\u202e", "\u009b"]) {
      expect(said(program), secret).not.toContain(secret);
    }
    expect(said(program)).toContain('"caller":"on-call"');
    expect(said(program)).toContain('"by":"on-call"');
  });

  it("of a Redis that lets nobody in", async () => {
    const program = start("hunter2-wrong");
    await program.says("the store is away");
    await program.says("WRONGPASS");
    expect(said(program)).not.toContain("hunter2");
  });

  it("of settings that are refused", async () => {
    const program = new Program({ REDIS_URL: "http://:hunter2@h", SLUICE_TOKEN: "hunter2" });
    started.push(program);
    expect(await program.ended).toBe(64);
    expect(said(program)).toMatch(/REDIS_URL must be[\s\S]*SLUICE_TOKEN must be/);
    expect(said(program)).not.toContain("hunter2");
  });
});

/** A hold that is granted, and whose caller hangs up. */
function hold(url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${operator}`, "content-type": "application/json" };
    const outgoing = request(`${url}${path}/hold`, { method: "POST", headers, agent: false });
    outgoing.once("response", (response) => {
      response.once("data", () => {
        response.destroy();
        resolve();
      });
    });
    outgoing.once("error", reject).end("{}");
  });
}
