import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { startRedis } from "@sluice/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { packageFolders, root } from "../toolchain/places.mjs";

interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly exports: Readonly<Record<string, unknown>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly packageManager: string;
}

/** What an application brings itself, where it uses the store or the metrics that need it. */
const brought = ["ioredis", "prom-client", "redlock"];
const run = promisify(execFile);
const repository = manifestIn(root);
const published = packageFolders().filter((folder) => !manifestIn(folder).private);
const entries = published.map(manifestIn).flatMap(entryPoints);

/** Compilers and installs are done when they are done. */
const timeout = 120_000;

const work = mkdtempSync(join(tmpdir(), "sluice-packages-"));
const tarballs = new Map<string, string>();

beforeAll(async () => {
  for (const folder of published) tarballs.set(manifestIn(folder).name, await pack(folder));
}, timeout);
afterAll(() => rmSync(work, { recursive: true, force: true }));

describe.each(published.map((folder) => manifestIn(folder).name))("the tarball of %s", (name) => {
  it("has exports that publint finds no fault with", { timeout }, async () => {
    await tool("publint", [tarballOf(name), "--strict"]);
  });

  it("has types that resolve wherever its code does", { timeout }, async () => {
    await tool("attw", [tarballOf(name), "--profile", "esm-only"]);
  });
});

describe("an empty folder with npm alone", () => {
  it("runs the core in memory, without any dependency", { timeout }, async () => {
    const folder = await folderWith(tarballOf("@sluice/core"));
    const installed = readdirSync(join(folder, "node_modules")).filter((name) => !name.startsWith("."));
    expect(installed).toEqual(["@sluice"]);
    expect(await node(folder, "memory.js", inMemory)).toBe("1 of 2 in use\n");
  });

  it("runs every entry point of every package from JavaScript", { timeout }, async () => {
    await using redis = await startRedis();
    const folder = await folderWith(...tarballs.values(), ...brought.map(pinned));
    const imports = entries.map((entry) => `await import(${JSON.stringify(entry)});`);
    expect(await node(folder, "entries.js", `${imports.join("\n")}\nconsole.log("all");`)).toBe("all\n");
    expect(await node(folder, "redis.js", overRedis(redis.url))).toBe("1 of 2 in use\n");
  });

  it("compiles against every entry point from TypeScript, declarations included", { timeout }, async () => {
    const folder = await folderWith(...tarballs.values(), ...[...brought, "@types/node"].map(pinned));
    const compilerOptions = {
      module: "NodeNext",
      target: "ES2022",
      strict: true,
      noEmit: true,
      types: ["node"],
    };
    const exports = entries.map((entry, index) => `export * as entry${index} from ${JSON.stringify(entry)};`);
    writeFileSync(join(folder, "entries.ts"), exports.join("\n"));
    writeFileSync(join(folder, "redis.ts"), overRedis("redis://localhost"));
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
    await tool("tsc", ["-p", folder]);
  });
});

const useOf = (store: string) => `
const semaphore = new Semaphore(${store}, "test", { limit: 2 });
const inUse = await semaphore.use(async () => (await semaphore.inspect()).inUse);
console.log(\`\${inUse} of 2 in use\`);
await store.close();
`;

const inMemory = `
import { Semaphore } from "@sluice/core";
import { memoryStore } from "@sluice/core/memory";
const store = memoryStore();
${useOf("store")}`;

const overRedis = (url: string) => `
import { Semaphore } from "@sluice/core";
import { redisStore } from "@sluice/core/redis";
const store = redisStore(${JSON.stringify(url)}, { assumeFresh: true });
${useOf("store")}`;

function manifestIn(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
}

function entryPoints({ name, exports }: Manifest): string[] {
  const code = Object.keys(exports).filter((path) => path !== "./package.json");
  return code.map((path) => join(name, path));
}

/** As the repository itself has it. */
function pinned(dependency: string): string {
  const version =
    repository.dependencies[dependency] ??
    manifestIn(join(root, "packages/core")).devDependencies[dependency];
  return `${dependency}@${version}`;
}

async function pack(folder: string): Promise<string> {
  const args = ["--yes", "--loglevel=error", repository.packageManager, "pack", "--json"];
  const { stdout } = await run("npx", [...args, "--pack-destination", work], { cwd: folder }).catch(explain);
  return JSON.parse(stdout).filename;
}

function tarballOf(name: string): string {
  const tarball = tarballs.get(name);
  if (tarball === undefined) throw new Error(`${name} was not packed`);
  return tarball;
}

/** An empty folder into which npm has installed these packages. */
async function folderWith(...packages: string[]): Promise<string> {
  const folder = mkdtempSync(join(work, "folder-"));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module", private: true }));
  const quietly = ["--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"];
  await run("npm", ["install", ...quietly, ...packages], { cwd: folder }).catch(explain);
  return folder;
}

async function node(folder: string, file: string, text: string): Promise<string> {
  writeFileSync(join(folder, file), text);
  const { stdout } = await run(process.execPath, [file], { cwd: folder }).catch(explain);
  return stdout;
}

async function tool(name: string, args: string[]): Promise<void> {
  await run(join(root, "node_modules", ".bin", name), args).catch(explain);
}

/** A tool says on stdout or stderr what it found; the error of execFile has only the command. */
function explain(error: Error & { stdout?: string; stderr?: string }): never {
  throw new Error(`${error.message}\n${error.stdout}${error.stderr}`);
}
