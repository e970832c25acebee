import { fileURLToPath } from "node:url";
import { freePort, type NodeProcess, type RedisServer, spawnNode, startRedis, until } from "@sluice/testkit";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { workloads } from "../../src/endless/workloads.js";
import { runDemo, runUnsharedDemo } from "../demo-process.js";

const SIDECAR = fileURLToPath(new URL("dist/main.js", import.meta.resolve("@sluice/sidecar/package.json")));
const HEALTH_CHECK = fileURLToPath(new URL("../../dist/endless/health-check.js", import.meta.url));
const TOKEN = "a-token-of-the-demo";
const [busy] = workloads;

/** Two that ask for the token, on one Redis; each test finds them without holders that live. */
let sidecars: readonly string[];
let redis: RedisServer;
const programs: NodeProcess[] = [];

beforeAll(async () => {
  redis = await startRedis();
  sidecars = await Promise.all([startSidecar(), startSidecar()]);
}, 120_000);

afterAll(async () => {
  await Promise.all(programs.map((program) => program.kill()));
  await redis.stop();
});

async function startSidecar(): Promise<string> {
  const env = { REDIS_URL: redis.url, SLUICE_ASSUME_FRESH: "1", SLUICE_PORT: "0", SLUICE_TOKEN: TOKEN };
  const program = spawnNode(SIDECAR, [], { env });
  programs.push(program);
  const [url] = await until(() => /http:\/\/127\.0\.0\.1:\d+/.exec(program.talk), {
    what: "a sidecar to listen",
    timeoutMs: 60_000,
  });
  await until(async () => (await fetch(`${url}/readyz`)).ok, { what: "it to be ready", timeoutMs: 60_000 });
  return url;
}

async function metric(url: string, line: RegExp): Promise<number> {
  const response = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${TOKEN}` } });
  return Number(line.exec(await response.text())?.[1]);
}

async function healthCheck(port: number | string): Promise<number | null> {
  return (await spawnNode(HEALTH_CHECK, [`${port}`]).exited).code;
}

/** One process, and the one that dies again and again. */
function options(urls: readonly string[], ...more: string[]): string[] {
  const where = ["--endless", "--sidecars", urls.join(",")];
  return [...where, "--processes", "1", "--kill-every-ms", "1000", ...more];
}

function giveToken(): void {
  process.env.SLUICE_TOKEN = TOKEN;
  onTestFinished(() => void delete process.env.SLUICE_TOKEN);
}

describe("npm run demo -- --endless", { timeout: 180_000 }, () => {
  it("loads every sidecar, lets leases of a killed process lapse, and gives all back at SIGTERM", async () => {
    const port = await freePort();
    giveToken();
    expect(await healthCheck(port)).toBe(1);
    const demo = runDemo(...options(sidecars, "--status-port", `${port}`));
    const done = /^sluice_acquires_total\{semaphore="checkout-api",outcome="granted"\} (\d+)/m;
    for (const url of sidecars)
      await until(async () => (await metric(url, done)) > 0, { what: `grants at ${url}`, timeoutMs: 60_000 });
    await until(async () => (await healthCheck(port)) === 0, { what: "it to be healthy", timeoutMs: 60_000 });
    const lapsed = /^sluice_store_lapses_total\{semaphore="checkout-api"\} (\d+)/m;
    const last = sidecars.at(-1) ?? "";
    await until(async () => (await metric(last, lapsed)) > 0, { what: "a lapse", timeoutMs: 60_000 });

    demo.process.kill("SIGTERM");
    expect(await demo.ending()).toBe(0);
    expect(demo.stderr).toBe("");
    expect(demo.stdout).toMatch(/^Stopped after \d+ tasks in \d+ s: no upstream ever refused a call\.$/m);
    expect(await livingHolders()).toEqual([]);
    await demo.leavesNothing();
  });

  it.each(["SIGINT", "SIGTERM"] as const)(
    "finishes what it has begun at a %s to all of its processes",
    async (signal) => {
      giveToken();
      const demo = runDemo(...options(sidecars));
      await until(async () => (await livingHolders()).length > 0, { what: "work", timeoutMs: 60_000 });
      process.kill(-demo.group, signal);
      expect(await demo.ending()).toBe(0);
      expect(demo.stdout).toContain("no upstream ever refused a call");
      expect(await livingHolders()).toEqual([]);
      await demo.leavesNothing();
    },
  );

  it("tells of calls that were refused where processes do not share the limit, and fails", async () => {
    // Four times five at once, before an upstream that bears ten.
    const demo = runUnsharedDemo(...options(["http://127.0.0.1:1"], "--processes", "3"));
    await demo.prints(/429s [1-9]/);
    demo.process.kill("SIGTERM");
    expect(await demo.ending()).toBe(1);
    expect(demo.stdout).toMatch(/upstreams refused \d+ calls\. Was a limit raised\?/);
  });

  it("goes on while a sidecar refuses it, and says why", async () => {
    const demo = runDemo(...options(sidecars));
    await demo.prints(/done 0 .* failed \d+: .*token/);
    demo.process.kill("SIGTERM");
    expect(await demo.ending()).toBe(0);
  });

  it("says what is wrong with an option, and starts nothing", async () => {
    const demo = runDemo("--endless", "--processes", "0");
    expect(await demo.ending()).toBe(64);
    expect(demo.stderr).toContain("--processes must be a whole number from 1 to 32");
    expect(demo.stderr).toContain("Usage: npm run demo -- --endless");
    expect(demo.stdout).toBe("");
  });

  it("says that the port for its health is taken", async () => {
    const { port } = new URL(sidecars[0] ?? "");
    const demo = runDemo(...options(sidecars, "--status-port", port));
    expect(await demo.ending()).toBe(64);
    expect(demo.stderr).toMatch(new RegExp(`^--status-port: listen EADDRINUSE.*:${port}\n`));
    await demo.leavesNothing();
  });
});

/** Who holds permits of the busiest semaphore. Those who were killed did not give back what they held: that lapses. */
async function livingHolders(): Promise<string[]> {
  const headers = { authorization: `Bearer ${TOKEN}` };
  const response = await fetch(`${sidecars[0]}/v1/semaphores/${busy?.semaphore}`, { headers });
  const { leases } = (await response.json()) as { leases: { holder: string }[] };
  return leases.map(({ holder }) => holder).filter((holder) => holder !== "demo mortal");
}
