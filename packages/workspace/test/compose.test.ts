import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Semaphore } from "@sluice/core";
import { redisStore } from "@sluice/core/redis";
import { readSettings } from "@sluice/sidecar";
import { spawnNode, startRedis, until } from "@sluice/testkit";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { root } from "../toolchain/places.mjs";
import { startSidecarProgram } from "./docs/servers.js";

// No Docker engine runs here: what can be known without one is checked.

interface Service {
  readonly image?: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly depends_on?: Readonly<Record<string, unknown>>;
  readonly volumes?: readonly string[];
  readonly stop_grace_period?: string;
}

interface Compose {
  readonly services: { readonly redis: Service; readonly sidecar: Service };
  readonly volumes: Readonly<Record<string, unknown>>;
}

const compose: Compose = parse(readFileSync(join(root, "docker-compose.yml"), "utf8"));
const { redis, sidecar } = compose.services;
const dockerfile = readFileSync(join(root, sidecar.build?.dockerfile ?? ""), "utf8");
const settings = readSettings({});

/** What a service is given where the caller of Compose has set none of the variables that the file passes on. */
function environmentOf({ environment = {} }: Service): Record<string, string> {
  const passedOn = /^\$\{\w+:-(.*)\}$/;
  return Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [name, value.replace(passedOn, "$1")]),
  );
}

/** What the image sets. */
function imageEnvironment(): Record<string, string> {
  const [, pairs = ""] = /^ENV (.*)$/m.exec(dockerfile) ?? [];
  return Object.fromEntries(pairs.split(" ").map((pair) => pair.split("=")));
}

describe("docker-compose.yml", () => {
  it("builds the sidecar from files that are there", () => {
    const { context = "", dockerfile: file = "" } = sidecar.build ?? {};
    for (const path of [context, file, `${file}.dockerignore`])
      expect(existsSync(join(root, path)), path).toBe(true);
  });

  it("pins the images that it takes", () => {
    const images = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, image = ""]) => image);
    for (const image of [...images, redis.image]) expect(image).toMatch(/:\d+\.\d+\.\d+-/);
  });

  it("connects the services by the names, ports and volumes that they have", () => {
    const { redisUrl, allowedHosts } = readSettings({ ...imageEnvironment(), ...environmentOf(sidecar) });
    expect(redisUrl).toBe("redis://redis:6379");
    expect(allowedHosts).toEqual(["sidecar"]);
    expect(Object.keys(sidecar.depends_on ?? {})).toEqual(["redis"]);
    expect(sidecar.ports).toEqual([`127.0.0.1:${settings.port}:${settings.port}`]);
    for (const volume of redis.volumes ?? [])
      expect(compose.volumes).toHaveProperty(volume.split(":")[0] ?? "");
  });

  it("takes no Redis for fresh, unless somebody says so for one start", () => {
    expect(readSettings(environmentOf(sidecar)).assumeFresh).toBe(false);
    // biome-ignore lint/suspicious/noTemplateCurlyInString: so Compose writes it.
    expect(sidecar.environment?.SLUICE_ASSUME_FRESH).toBe("${SLUICE_ASSUME_FRESH:-}");
  });

  it("gives the sidecar the time that it takes to drain", () => {
    expect(Number.parseInt(sidecar.stop_grace_period ?? "", 10) * 1_000).toBeGreaterThan(settings.drainMs);
  });
});

describe("the image of the sidecar", () => {
  it("listens where others can reach it, at the port that it exposes and probes", () => {
    const token = "0123456789abcdef";
    expect(readSettings({ ...imageEnvironment(), SLUICE_TOKEN: token }).host).toBe("0.0.0.0");
    expect(dockerfile).toMatch(new RegExp(`^EXPOSE ${settings.port}$`, "m"));
  });

  it("does not start where everybody could do everything, unless somebody says so", () => {
    expect(() => readSettings(imageEnvironment())).toThrow("SLUICE_TOKEN");
  });

  it("has a probe that tells a sidecar that is ready from none", { timeout: 30_000 }, async () => {
    const [, probe = ""] = /^HEALTHCHECK.*\\\n {2}CMD (\[.*\])$/m.exec(dockerfile) ?? [];
    const [program, file = ""] = JSON.parse(probe);
    expect(program).toBe("node");
    const sidecar = await startSidecarProgram();
    const { port: SLUICE_PORT } = new URL(sidecar.url);
    const exitCode = async (env: Record<string, string> = {}) => {
      const health = spawnNode(join(root, "services/sidecar", file), [], { env: { SLUICE_PORT, ...env } });
      return (await health.exited).code;
    };
    expect(await exitCode()).toBe(0);
    // As in the image: what listens on all addresses is asked on loopback.
    expect(await exitCode({ SLUICE_HOST: "0.0.0.0", SLUICE_ALLOW_INSECURE_BIND: "1" })).toBe(0);
    await sidecar.program.kill();
    expect(await exitCode()).toBe(1);
  });

  it("runs its program without a shell in between, which would keep signals from it, and not as root", () => {
    const [, command = ""] = /^CMD (\[.*\])$/m.exec(dockerfile) ?? [];
    const [program, file = ""] = JSON.parse(command);
    expect(program).toBe("node");
    expect(existsSync(join(root, "services/sidecar", file))).toBe(true);
    expect(dockerfile).toMatch(/^USER node$/m);
  });
});

describe("the Redis of docker-compose.yml", () => {
  it("keeps leases, waiters and limits over a crash of its Redis", { timeout: 30_000 }, async () => {
    const [, ...args] = redis.command ?? [];
    await using server = await startRedis({ args });
    // Short leases, for as long as which nothing is granted after the crash.
    const leaseMs = 5_000;
    const store = redisStore(server.url, { maxLeaseMs: leaseMs, assumeFresh: true });
    const semaphore = new Semaphore(store, "api", { limit: 1, leaseMs });
    await semaphore.resize(2);
    const [held] = await Promise.all([semaphore.acquire(), semaphore.acquire()]);
    const waiting = semaphore.acquire();
    await until(async () => (await semaphore.inspect()).waiting === 1, { what: "one to wait" });

    await server.restart();
    const seen = await until(() => semaphore.inspect(), { what: "the store to be back" });
    expect(seen).toMatchObject({ limit: 2, inUse: 2, waiting: 1 });
    expect(await held.release()).toBe(true);
    expect((await waiting).fence).toBeGreaterThan(held.fence);
    await store.close();
  });
});
