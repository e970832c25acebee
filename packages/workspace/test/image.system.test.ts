import {
  chmodSync,
  copyFileSync,
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { freePort, startRedis, until } from "@sluice/testkit";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { makeBaseImages } from "../buildah/base-image.mjs";
import { Buildah, type ImageFacts } from "../buildah/buildah.mjs";
import { Container } from "../buildah/container.mjs";
import { whyNoImages } from "../buildah/places.mjs";
import { makeSecrets } from "../compose/secrets.mjs";
import { root } from "../toolchain/places.mjs";

/** On disk, in bytes: `node:22.23.3-alpine3.23` for linux/amd64, as docker-library/repo-info lists it (ADR 0020). */
const publishedBase = { name: "node:22.23.3-alpine3.23", bytes: 167_210_000 };
const MAX_BYTES = 200_000_000;

/** A minute or two where nothing else is at work. */
const buildTimeout = 900_000;

const why = whyNoImages();
const title = why === undefined ? "the image of the sidecar" : `the image of the sidecar (skipped: ${why})`;

describe.skipIf(why !== undefined)(title, { timeout: 120_000 }, () => {
  const dockerfile = join(root, "services/sidecar/Dockerfile");
  const folder = newFolder();
  const buildah = new Buildah(folder);
  let facts: ImageFacts;
  let files: string;

  beforeAll(async () => {
    const bases = join(folder, "bases");
    mkdirSync(bases);
    await makeBaseImages(buildah, bases, baseNames(dockerfile));
    await buildah.build(dockerfile, root, "sluice-sidecar");
    facts = await buildah.inspect("sluice-sidecar");
    files = await buildah.mount("sluice-sidecar");
  }, buildTimeout);

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("begins with a published image of a known size, and stays under 200 MB with it", () => {
    expect(baseNames(dockerfile).run).toBe(publishedBase.name);
    const added = bytesIn(join(files, facts.workingDir));
    console.log(`the sidecar adds ${(added / 1e6).toFixed(1)} MB`);
    expect(publishedBase.bytes + added).toBeLessThan(MAX_BYTES);
  });

  it("adds its own folder, and nothing else", async () => {
    const base = await buildah.mount(publishedBase.name);
    const inBase = new Set(pathsIn(base));
    const added = pathsIn(files).filter((path) => !inBase.has(path) && !path.startsWith("sidecar"));
    expect(added).toEqual([]);
  });

  it("holds no dev dependency, no source, no test, no secret, and nothing that only a build needs", () => {
    const paths = pathsIn(join(files, facts.workingDir));
    const packages = packagesAmong(paths);
    const needed = ["@sluice/core", "@sluice/client", "@sluice/console", "express", "ioredis", "redlock"];
    expect(packages).toEqual(expect.arrayContaining(needed));
    expect(packages.filter((name) => /^(@types\/|@esbuild\/|@typescript\/)/.test(name))).toEqual([]);
    for (const unwanted of ["typescript", "esbuild", "preact", "vitest", "@sluice/testkit"])
      expect(packages).not.toContain(unwanted);
    const ours = paths.filter((path) => !/node_modules\/(?!.*@sluice)/.test(path));
    expect(ours.filter((path) => /(^|\/)(src|test|lua|secrets)\b/.test(path))).toEqual([]);
    // Types, sources, maps, notes of builds; programs of one kind of machine; what might be a secret.
    const unread = /\.([cm]?tsx?|map|tsbuildinfo|node|pem|key)$|(^|\/)(\.env|\.git\b|tsconfig)/;
    expect(paths.filter((path) => unread.test(path))).toEqual([]);
  });

  it("belongs to root, so that the user it runs as can change nothing in it", () => {
    const folder = join(files, facts.workingDir);
    const writable = pathsIn(folder).filter((path) => {
      const { uid, gid, mode } = lstatSync(join(folder, path));
      return uid !== 0 || gid !== 0 || ((mode & 0o170000) !== 0o120000 && (mode & 0o022) !== 0);
    });
    expect(writable).toEqual([]);
  });

  it("says who runs what, how it is asked and how it is ended", () => {
    const { version } = JSON.parse(readFileSync(join(root, "services/sidecar/package.json"), "utf8"));
    expect(facts).toMatchObject({
      user: "1000:1000",
      entrypoint: ["node", "dist/main.js"],
      healthCheck: ["CMD", "node", "dist/health-check.js"],
      stopSignal: "SIGTERM",
      ports: ["7077/tcp"],
      env: { NODE_ENV: "production", SLUICE_HOST: "0.0.0.0" },
      labels: { "org.opencontainers.image.version": version, "org.opencontainers.image.licenses": "MIT" },
    });
    expect(facts.env).not.toHaveProperty("NODE_EXTRA_CA_CERTS");
  });

  it("starts as the first process and not as root, answers, grants, drains at SIGTERM and exits with 0", async () => {
    await using redis = await startRedis();
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const container = new Container(files, facts, {
      REDIS_URL: redis.url,
      SLUICE_PORT: `${port}`,
      SLUICE_ASSUME_FRESH: "1",
      SLUICE_ALLOW_INSECURE_BIND: "1",
    });
    try {
      await until(async () => (await fetch(`${url}/readyz`)).ok, { what: "the sidecar", timeoutMs: 30_000 });
      const { Uid, NSpid, CapEff } = container.status();
      expect(Uid?.split("\t")).toEqual(["1000", "1000", "1000", "1000"]);
      expect(NSpid?.split("\t").at(-1)).toBe("1");
      expect(Number.parseInt(CapEff ?? "", 16)).toBe(0);
      expect(await container.run(facts.healthCheck.slice(1))).toBe(0);
      expect(await (await fetch(url)).text()).toContain("<title>");

      const { lease } = await post(`${url}/v1/semaphores/test/acquire`, { limit: 1, leaseMs: 15_000 });
      container.signal("SIGTERM");
      await until(async () => (await fetch(`${url}/readyz`)).status === 503, { what: "the drain" });
      expect(await container.run(facts.healthCheck.slice(1))).toBe(1);
      expect(await post(`${url}/v1/semaphores/test/release`, { lease })).toEqual({ released: true });
      expect(await container.ended).toEqual({ code: 0, signal: null });
      expect(container.output).toContain("drained, and ends");
    } finally {
      await container.kill();
    }
  });

  it.each(["sidecar", "demo"])("is built of sources alone (%s)", async (name) => {
    const clone = newClone();
    // Everything that reaches a build, by the rules that lie beside the Dockerfile.
    const probe = join(clone, "probe");
    writeFileSync(probe, "FROM scratch\nCOPY . /\n");
    copyFileSync(join(root, `services/${name}/Dockerfile.dockerignore`), `${probe}.dockerignore`);
    await buildah.build(probe, clone, `probe-${name}`);
    const sent = pathsIn(await buildah.mount(`probe-${name}`));
    expect(sent).toContain("services/sidecar/src/main.ts");
    expect(
      sent.filter((path) => /(^|\/)(secrets|\.git|\.cache|\.env|node_modules|dist|test)(\/|$)/.test(path)),
    ).toEqual([]);
  });

  it("is the same when it is built again, by somebody else whose umask shuts others out", {
    timeout: buildTimeout,
  }, async () => {
    const clone = newClone();
    for (const path of pathsIn(clone)) {
      const { mode } = lstatSync(join(clone, path));
      chmodSync(join(clone, path), mode & 0o700);
    }
    await buildah.build(join(clone, "services/sidecar/Dockerfile"), clone, "built-again");
    expect((await buildah.inspect("built-again")).layers).toEqual(facts.layers);
  });

  it("has the demo's image beside it, which takes the demo's arguments", {
    timeout: buildTimeout,
  }, async () => {
    await buildah.build(join(root, "services/demo/Dockerfile"), root, "sluice-demo");
    const demo = await buildah.inspect("sluice-demo");
    expect(demo).toMatchObject({ user: "1000:1000", entrypoint: ["node", "dist/main.js"] });
    const asked = { ...demo, entrypoint: [...demo.entrypoint, "--help"] };
    const container = new Container(await buildah.mount("sluice-demo"), asked, {});
    expect(await container.ended).toEqual({ code: 0, signal: null });
    expect(container.output).toContain("--limit");
  });
});

/** What somebody has who works in a clone: the sources, and much that no image is to have. */
function newClone(): string {
  const clone = newFolder();
  onTestFinished(() => rmSync(clone, { recursive: true, force: true }));
  const madeHere = ["node_modules", "dist", ".cache", ".git"];
  const filter = (path: string) => !madeHere.includes(basename(path));
  for (const entry of readdirSync(root).filter(filter))
    cpSync(join(root, entry), join(clone, entry), { recursive: true, filter });
  makeSecrets(clone);
  for (const file of [
    ".git/config",
    ".cache/lists",
    ".env",
    "services/sidecar/.env",
    "packages/core/dist/index.js",
  ]) {
    mkdirSync(dirname(join(clone, file)), { recursive: true });
    writeFileSync(join(clone, file), "");
  }
  return clone;
}

/** Not in the system's folder for temporary files, which may be in memory: images are large. */
function newFolder(): string {
  const parent = join(root, ".cache");
  mkdirSync(parent, { recursive: true });
  return mkdtempSync(join(parent, "images-"));
}

function baseNames(dockerfile: string): { build: string; run: string } {
  const text = readFileSync(dockerfile, "utf8");
  const defaultOf = (argument: string) => new RegExp(`^ARG ${argument}=(\\S+)$`, "m").exec(text)?.[1] ?? "";
  return { build: defaultOf("BUILD_IMAGE"), run: defaultOf("NODE_IMAGE") };
}

function pathsIn(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.map(({ parentPath, name }) => relative(folder, join(parentPath, name)));
}

/** The names of the packages that files lie in. */
function packagesAmong(paths: readonly string[]): string[] {
  const names = paths.flatMap((path) => /.*node_modules\/(@[^/]+\/[^/]+|[^@.][^/]*)/.exec(path)?.[1] ?? []);
  return [...new Set(names)];
}

function bytesIn(folder: string): number {
  const entries = pathsIn(folder).map((path) => lstatSync(join(folder, path)));
  return entries.reduce((sum, entry) => sum + (entry.isFile() ? entry.size : 0), 0);
}

async function post(url: string, body: unknown): Promise<Record<string, unknown>> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  expect(response.status).toBe(200);
  return response.json() as Promise<Record<string, unknown>>;
}
