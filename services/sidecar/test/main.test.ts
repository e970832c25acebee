import { execFile } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { promisify } from "node:util";
import { until } from "@sluice/testkit";
import { afterEach, describe, expect, it } from "vitest";
import type { Environment } from "../src/settings.js";
import { call } from "./http.js";
import { Program } from "./program.js";

const run = promisify(execFile);
const path = "/v1/semaphores/api";
const started: Program[] = [];

afterEach(async () => {
  await Promise.all(started.splice(0).map((program) => program.kill()));
});

function start(environment?: Environment): Program {
  const program = new Program(environment);
  started.push(program);
  return program;
}

describe("the program", () => {
  it("prints lines that a shell can run as they are: acquire, renew, release", async () => {
    const program = start();
    const url = await program.url();
    const lines = program.stdout.split("\n").filter((line) => line.startsWith("  "));
    const { stdout } = await run("sh", ["-euc", lines.join("\n")]);
    const [granted, renewed, released] = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(granted).toMatchObject({ semaphore: "demo", leaseMs: 15_000, limit: 3 });
    expect(renewed).toMatchObject({ leases: [{ lease: granted.lease, renewed: true }] });
    expect(released).toEqual({ released: true });
    expect((await call(url, "GET", "/v1/semaphores/demo")).body).toMatchObject({ inUse: 0 });
  });

  it("warns that a memory store forgets", async () => {
    await start().says("after a restart more permits than the limit may be in use");
  });

  it("says in one line that its port is in use", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address() as AddressInfo;
    const program = start({ SLUICE_PORT: String(port) });
    expect(await program.ended).toBe(69);
    expect(program.stderr).toMatch(new RegExp(`^sluice: port ${port} of 127\\.0\\.0\\.1 is in use; .*\\n$`));
    taken.close();
  });

  it("says which settings are wrong", async () => {
    const program = start({ SLUICE_PORT: "x", SLUICE_DRAIN_MS: "y" });
    expect(await program.ended).toBe(64);
    expect(program.stderr).toMatch(/SLUICE_PORT must be .*\nSLUICE_DRAIN_MS must be .*\n$/);
  });

  it.each(["SIGTERM", "SIGINT"] as const)(
    "drains at %s and ends with 0 when its leases have",
    async (signal) => {
      const program = start();
      const url = await program.url();
      const { body } = await call(url, "POST", `${path}/acquire`, { body: { limit: 1 } });
      program.process.kill(signal);
      await until(async () => (await call(url, "GET", "/readyz")).status === 503, {
        what: "not to be ready",
      });
      const { lease } = body;
      expect((await call(url, "POST", `${path}/release`, { body: { lease } })).body).toEqual({
        released: true,
      });
      expect(await program.ended).toBe(0);
    },
  );

  it("ends at once at a second signal", async () => {
    const program = start();
    const url = await program.url();
    await call(url, "POST", `${path}/acquire`, { body: { limit: 1 } });
    program.process.kill("SIGTERM");
    await program.says("once more");
    program.process.kill("SIGTERM");
    expect(await program.ended).toBe(1);
  });

  it("starts without its Redis, and is not ready", async () => {
    const program = start({ REDIS_URL: "redis://127.0.0.1:1" });
    const url = await program.url();
    const { status, body } = await call(url, "GET", "/readyz");
    expect(status).toBe(503);
    expect(body).toMatchObject({ status: "unavailable", components: { store: { status: "down" } } });
    expect((await call(url, "GET", "/livez")).status).toBe(200);
  });
});
