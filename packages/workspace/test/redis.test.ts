import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { adviceFor } from "../redis/advice.mjs";
import { parseVersion } from "../redis/version.mjs";

const work = mkdtempSync(join(tmpdir(), "sluice-servers-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

describe("the server that the tests use", () => {
  const recent = fakeServer("recent", "redis-server", "Redis server v=7.2.4 sha=00000000:0 malloc=libc");
  const valkey = fakeServer("valkey", "valkey-server", "Valkey server v=8.0.1 sha=00000000:0 malloc=libc");
  const old = fakeServer("old", "redis-server", "Redis server v=6.0.16 sha=00000000:0 malloc=libc");
  const other = fakeServer("other", "redis-server", "nothing of the kind");

  it("is the one that was named, before any on the PATH", () => {
    expect(provide({ named: recent.file, path: [valkey.folder] })).toEqual({ chosen: recent.file, said: "" });
  });

  it("may be named relative to where npm was called", () => {
    expect(provide({ named: "redis-server", calledIn: recent.folder, path: [] }).chosen).toBe(recent.file);
  });

  it("is never another than the one that was named", () => {
    expect(provide({ named: join(work, "missing"), path: [recent.folder] })).toEqual({
      chosen: "",
      said: `sluice: SLUICE_TEST_REDIS_SERVER is ${join(work, "missing")}, which is no Redis or Valkey server`,
    });
    expect(provide({ named: other.file, path: [] }).said).toContain("which is no Redis or Valkey server");
    expect(provide({ named: old.file, path: [] }).said).toContain(
      "Redis 6.0.16; the tests need Redis >= 7.0",
    );
  });

  it("is the first on the PATH that is recent enough, be it Redis or Valkey", () => {
    const found = provide({ path: [old.folder, valkey.folder, recent.folder] });
    expect(found).toEqual({
      chosen: valkey.file,
      said: `sluice: passing over ${old.file}: it is Redis 6.0.16`,
    });
  });
});

it.each([
  ["Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64", "Redis", "7.0.15", true],
  ["Redis server v=6.2.14 sha=00000000:0", "Redis", "6.2.14", false],
  ["Redis server v=10.0.0 sha=00000000:0", "Redis", "10.0.0", true],
  ["Valkey server v=7.2.5 sha=00000000:0", "Valkey", "7.2.5", true],
  ["Valkey server v=7.1.0 sha=00000000:0", "Valkey", "7.1.0", false],
])("reads %j", (text, kind, version, isRecent) => {
  expect(parseVersion(text)).toEqual({ kind, version, isRecent });
});

describe("where there is no server", () => {
  const having = (tool: string) => (path: string) => path === tool;

  it("names the one command of the system's own package manager", () => {
    expect(adviceFor("darwin", having(""))).toContain("Install one with: brew install redis;");
    expect(adviceFor("linux", having("/usr/bin/apt-get"))).toContain(": sudo apt-get install redis-server;");
    expect(adviceFor("linux", having("/usr/bin/dnf"))).toContain(": sudo dnf install valkey;");
  });

  it("names all of them on a system that it does not know", () => {
    expect(adviceFor("linux", having(""))).toMatch(/brew .* apt-get .* dnf /);
  });
});

function fakeServer(name: string, program: string, version: string): { file: string; folder: string } {
  const folder = join(work, name);
  mkdirSync(folder);
  const file = join(folder, program);
  writeFileSync(file, `#!/bin/sh\necho '${version}'\n`, { mode: 0o755 });
  return { file, folder };
}

interface Machine {
  readonly named?: string;
  readonly calledIn?: string;
  readonly path: readonly string[];
}

/** What `redisServer` finds in a process whose environment is nothing but this. */
function provide({ named = "", calledIn = work, path }: Machine): { chosen: string; said: string } {
  const child = fileURLToPath(new URL("./children/redis-server.mjs", import.meta.url));
  const env = { PATH: path.join(":"), INIT_CWD: calledIn, SLUICE_TEST_REDIS_SERVER: named };
  const { stdout, stderr } = spawnSync(process.execPath, [child], { env, encoding: "utf8" });
  return { chosen: stdout.trim(), said: stderr.trim() };
}
