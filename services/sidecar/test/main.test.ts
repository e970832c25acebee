import { execFile } from "node:child_process";
import { once } from "node:events";
import { type FileHandle, open } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { promisify } from "node:util";
import { until } from "@sluice/testkit";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import type { Environment } from "../src/settings.js";
import { Folder } from "./folders.js";
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

  it("logs where it listens, where its console is and where the count is, without the password", async () => {
    const program = start({ REDIS_URL: "redis://user:hunter2hunter2@127.0.0.1:1/3" });
    const url = await program.url();
    const line = (await program.says("the sidecar listens"))
      .split("\n")
      .find((one) => one.includes("listens"));
    expect(JSON.parse(String(line))).toMatchObject({
      level: "info",
      url,
      console: `${url}/`,
      store: "Redis at 127.0.0.1:1/3",
    });
    expect(program.stdout).toContain(`See who holds what and who waits: ${url}/\n`);
    expect(program.stderr + program.stdout).not.toContain("hunter2");
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

  describe("that a signal reaches while it starts", () => {
    const folder = new Folder();
    let count = 0;

    afterAll(() => folder[Symbol.dispose]());

    /** One that starts, and gets no further until its file is written, which it reads from a pipe. */
    async function starting(): Promise<{ program: Program; write: (text: string) => Promise<void> }> {
      const pipe = `${folder.path}/pipe-${count++}`;
      await run("mkfifo", [pipe]);
      const program = start({ SLUICE_CONFIG: pipe });
      // Opens when the other end is open, too: then the file is being read.
      let end: FileHandle | undefined = await open(pipe, "w");
      const write = async (text: string) => {
        end ??= await open(pipe, "w");
        await end.write(text);
        await end.close();
        end = undefined;
      };
      return { program, write };
    }

    it("ends with 0 where that asks it to, and is not ended by it", async () => {
      const { program, write } = await starting();
      program.process.kill("SIGTERM");
      await write("semaphores: { api: 1 }");
      expect(await program.ended).toBe(0);
      expect(program.stderr).toContain("drained, and ends");
    });

    it("reads its files again after the start where that asks it to", async () => {
      const { program, write } = await starting();
      program.process.kill("SIGHUP");
      await write("semaphores: { api: 1 }");
      const url = await program.url();
      await write("semaphores: { api: 2 }");
      await until(async () => (await call(url, "GET", path)).body.limit === 2, { what: "the second file" });
    });

    it("ends with what it found wrong where the start fails all the same", async () => {
      const { program, write } = await starting();
      program.process.kill("SIGTERM");
      await write("semaphores: { api: many }");
      expect(await program.ended).toBe(64);
    });
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
