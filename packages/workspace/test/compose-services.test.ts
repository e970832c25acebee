import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { Semaphore } from "@sluice/core";
import { redisStore } from "@sluice/core/redis";
import { readSettings } from "@sluice/sidecar";
import { spawnNode, startRedis, until } from "@sluice/testkit";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { FINISH_MS } from "../../../services/demo/dist/endless/run.js";
import { parseEndlessSettings } from "../../../services/demo/dist/endless/settings.js";
import { warningsOf } from "../../../services/sidecar/dist/warnings.js";
import { root } from "../toolchain/places.mjs";
import { Dockerfile } from "./compose/dockerfile.js";
import {
  compose,
  environmentOf,
  millisecondsOf,
  mountsOf,
  publicationsOf,
  secretPathsOf,
  sidecarNames,
  textOf,
} from "./compose/file.js";
import { startSidecarProgram } from "./docs/servers.js";

// What one file says of a service must agree with what another one says.

const { redis, demo, prometheus, grafana } = compose.services;
const sidecarImage = new Dockerfile("services/sidecar/Dockerfile");
const demoImage = new Dockerfile("services/demo/Dockerfile");

/** By which other containers call the sidecars. */
const sidecarHosts = sidecarNames.map((name) => `${name}:${readSettings({}).port}`);

describe.each(sidecarNames)("%s of docker-compose.yml", (name) => {
  const sidecar = compose.services[name];
  const settingsFor = (caller: Readonly<Record<string, string>> = {}) =>
    readSettings({ ...sidecarImage.environment, ...environmentOf(sidecar, caller) });
  const settings = settingsFor();

  it("finds Redis, and answers to the name and at the port by which others call it", () => {
    expect(settings.redisUrl).toBe("redis://redis:6379");
    expect(settings.allowedHosts).toEqual([name]);
    expect(publicationsOf(sidecar)).toEqual([expect.objectContaining({ target: settings.port })]);
    expect(sidecarImage.exposed).toEqual([settings.port]);
    expect(Object.keys(sidecar.depends_on ?? {})).toEqual(["redis"]);
  });

  it("asks everybody for a token, and has nothing to warn of but that these are not encrypted on the way", () => {
    expect(settings).toMatchObject({ allowInsecureBind: false, token: undefined });
    // Its image listens where others can reach it, and does not start where these could do everything.
    expect(() => readSettings(sidecarImage.environment)).toThrow("SLUICE_TOKEN");
    expect(secretPathsOf(sidecar)).toEqual([settings.tokensFile]);
    expect(warningsOf(settings)).toEqual([expect.stringMatching(/^tokens come to 0\.0\.0\.0 unencrypted/)]);
  });

  it("takes no Redis for fresh, unless somebody says so for one start", () => {
    expect(settings.assumeFresh).toBe(false);
    expect(settingsFor({ SLUICE_ASSUME_FRESH: "1" }).assumeFresh).toBe(true);
  });

  it("has the time that it takes to drain", () => {
    expect(millisecondsOf(sidecar.stop_grace_period)).toBeGreaterThan(settings.drainMs);
  });

  it("is asked for its health as its image asks itself", () => {
    expect(sidecar.healthcheck.test).toEqual(sidecarImage.healthCheck);
    const [, program, file = ""] = sidecar.healthcheck.test;
    expect(program).toBe("node");
    expect(existsSync(join(root, "services/sidecar", file))).toBe(true);
  });
});

it("the health check of a sidecar tells one that is ready from none", { timeout: 60_000 }, async () => {
  const sidecar = await startSidecarProgram();
  const { port: SLUICE_PORT } = new URL(sidecar.url);
  const [, , file = ""] = compose.services["sidecar-a"].healthcheck.test;
  const exitCode = async (env: Record<string, string> = {}) => {
    const check = spawnNode(join(root, "services/sidecar", file), [], { env: { SLUICE_PORT, ...env } });
    return (await check.exited).code;
  };
  expect(await exitCode()).toBe(0);
  // As in the image: what listens on all addresses is asked on loopback.
  expect(await exitCode({ SLUICE_HOST: "0.0.0.0", SLUICE_ALLOW_INSECURE_BIND: "1" })).toBe(0);
  await sidecar.program.kill();
  expect(await exitCode()).toBe(1);
});

describe("the demo of docker-compose.yml", () => {
  const [program, main = ""] = demoImage.entrypoint;
  const tokenFile = secretPathsOf(demo)[0];
  const withoutToken = (demo.command ?? []).filter((argument) => argument !== `--token-file=${tokenFile}`);
  const settings = parseEndlessSettings(withoutToken, {});

  it("puts load on both sidecars, with a token of its own, without end", () => {
    expect(settings).toMatchObject({ sidecars: sidecarHosts.map((host) => `http://${host}`) });
    expect(demo.command).toContain("--endless");
    expect(demo.command).toContain("--token-file=/run/secrets/demo_token");
    expect(secretPathsOf(demo)).toEqual(["/run/secrets/demo_token"]);
    expect(Object.keys(demo.depends_on ?? {})).toEqual([...sidecarNames]);
  });

  it("is asked for its health where it says how it is, by a file of its image", () => {
    const [, node, file = "", port] = demo.healthcheck.test;
    expect(node).toBe("node");
    expect(existsSync(join(root, "services/demo", file))).toBe(true);
    expect(settings).toMatchObject({ statusPort: Number(port) });
  });

  it("has the time that its last tasks take", () => {
    expect(millisecondsOf(demo.stop_grace_period)).toBeGreaterThan(FINISH_MS);
  });

  it("starts the program of its image", () => {
    expect(program).toBe("node");
    expect(existsSync(join(root, "services/demo", main))).toBe(true);
  });
});

describe("the Prometheus of docker-compose.yml", () => {
  const config = parse(textOf("services/prometheus/prometheus.yml"));
  const flags = new Map((prometheus.command ?? []).map((flag) => flag.split("=") as [string, string]));
  const configFile = flags.get("--config.file") ?? "";
  const mounts = new Map(mountsOf(prometheus).map(({ source, target }) => [target, source]));

  it("reads the configuration and the rules of this repository", () => {
    expect(mounts.get(configFile)).toBe("./services/prometheus/prometheus.yml");
    for (const rules of config.rule_files)
      expect(mounts.get(join(dirname(configFile), dirname(rules)))).toBe("./services/prometheus/rules");
  });

  it("scrapes both sidecars with the token that it is given, and itself", () => {
    const [sidecars, itself] = config.scrape_configs;
    expect(sidecars.static_configs).toEqual([{ targets: sidecarHosts }]);
    expect(secretPathsOf(prometheus)).toEqual([sidecars.authorization.credentials_file]);
    const [{ target } = { target: 0 }] = publicationsOf(prometheus);
    expect(itself.static_configs).toEqual([{ targets: [`localhost:${target}`] }]);
  });

  it("keeps what it has seen in its volume, and not without end", () => {
    expect(mounts.get(flags.get("--storage.tsdb.path") ?? "")).toBe("prometheus");
    expect([...flags.keys()]).toEqual(
      expect.arrayContaining(["--storage.tsdb.retention.time", "--storage.tsdb.retention.size"]),
    );
  });

  it("waits for nobody, since it tells that a sidecar is not there", () => {
    expect(prometheus.depends_on).toBeUndefined();
  });
});

describe("the Grafana of docker-compose.yml", () => {
  const environment = environmentOf(grafana);
  const mounts = new Map(mountsOf(grafana).map(({ source, target }) => [target, source]));

  it("asks the Prometheus of this file", () => {
    const [{ target } = { target: 0 }] = publicationsOf(prometheus);
    const { datasources } = parse(textOf("services/grafana/provisioning/datasources/prometheus.yml"));
    expect(datasources.map(({ url }: { url: string }) => url)).toEqual([`http://prometheus:${target}`]);
    expect(Object.keys(grafana.depends_on ?? {})).toEqual(["prometheus"]);
  });

  it("finds the provisioning and the dashboards where it looks for them", () => {
    expect(mounts.get("/etc/grafana/provisioning")).toBe("./services/grafana/provisioning");
    const { providers } = parse(textOf("services/grafana/provisioning/dashboards/sluice.yml"));
    for (const { options } of providers)
      expect(mounts.get(options.path)).toBe("./services/grafana/dashboards");
    const home = environment.GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH ?? "";
    expect(existsSync(join(root, mounts.get(dirname(home)) ?? "", basename(home)))).toBe(true);
  });

  it("is given every variable that its provisioning asks for", () => {
    const files = ["datasources/prometheus.yml", "dashboards/sluice.yml"];
    const asked = files.flatMap((file) => [
      ...textOf(`services/grafana/provisioning/${file}`).matchAll(/^[^#\n]*\$\{?([A-Z]\w+)/gm),
    ]);
    for (const [, name = ""] of asked) expect(environment).toHaveProperty(name);
  });

  it("has the password of this installation, and lets nobody in without one", () => {
    expect(secretPathsOf(grafana)).toEqual([environment.GF_SECURITY_ADMIN_PASSWORD__FILE]);
    const variables = Object.keys(environment);
    expect(variables).not.toContain("GF_SECURITY_ADMIN_PASSWORD");
    expect(variables.filter((name) => /ANONYMOUS|SIGN_UP/.test(name))).toEqual([]);
  });

  it("is asked for its health at the port that it listens on", () => {
    const [{ target } = { target: 0 }] = publicationsOf(grafana);
    expect(grafana.healthcheck.test.at(-1)).toBe(`http://127.0.0.1:${target}/api/health`);
  });
});

describe("the Redis of docker-compose.yml", () => {
  it("keeps leases, waiters and limits over a crash of its Redis", { timeout: 30_000 }, async () => {
    const [program, ...args] = redis.command ?? [];
    expect(program).toBe("redis-server");
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

  it("has more memory than it may fill, and refuses grants where that is full", () => {
    const [, maxMemory] = /--maxmemory (\d+)mb /.exec(redis.command?.join(" ") ?? "") ?? [];
    expect(Number.parseInt(redis.mem_limit ?? "", 10)).toBeGreaterThanOrEqual(2 * Number(maxMemory));
    expect(redis.command?.join(" ")).toContain("--maxmemory-policy noeviction");
  });
});
