import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { packageFolders, root } from "./places.mjs";
import { run, say, stop } from "./steps.mjs";

/**
 * What an install covers. `run`: the production dependencies of the demo, the sidecar and this repository, which is
 * what it takes to build and run them. `all`: every dependency of every package.
 *
 * @typedef {"run" | "all"} Scope
 */

/** @type {Record<Scope, string[]>} */
const filters = { run: ["--prod", "--filter-prod", "@sluice/demo...", "--filter-prod", "sluice"], all: [] };

/** What the last complete install covered, and from which manifests. pnpm deletes it with the folder. */
const stamp = join(root, "node_modules", ".sluice-install.json");

/** Installs what is missing, and returns at once where nothing is. @param {Scope} scope */
export async function install(scope) {
  const manifests = fingerprint();
  const installed = readStamp();
  const covered = installed.scope === "all" || installed.scope === scope;
  if (covered && installed.manifests === manifests) return;
  const chosen = canBeSmall() ? scope : "all";
  await installWithPnpm(chosen);
  writeFileSync(stamp, JSON.stringify({ scope: chosen, manifests }));
}

/** A small install removes what a complete one has brought; somebody's working copy is left complete. */
function canBeSmall() {
  return !existsSync(join(root, "node_modules", "vitest"));
}

/** @param {Scope} scope */
async function installWithPnpm(scope) {
  const { packageManager } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const what = scope === "all" ? "all dependencies" : "what the demo and the sidecar need";
  say(`installing ${what}, with ${packageManager} (which npx gets first, if need be)`);
  // The lockfile is committed and its checksums are verified; asking the registry about the age and origin of every
  // package in it once more is for those who change it.
  const install = ["install", "--frozen-lockfile", "--trust-lockfile", ...filters[scope]];
  const problem = await registryProblem();
  const offline = problem ? ["--offline"] : [];
  const npx = ["--yes", "--loglevel=error", ...offline, packageManager, ...install, ...offline];
  const { code } = await run("npx", npx, { capture: problem !== undefined });
  if (code === 0) return;
  if (!problem) stop("the dependencies could not be installed");
  stop(`the npm registry cannot be reached (${problem}); installing dependencies needs a network, once`);
}

/**
 * Why the registry gives no answer, if so; a refusal is an answer. Asks as npm itself would, with its proxies and
 * certificates, but not its cache.
 */
async function registryProblem() {
  const patience = ["--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-timeout=20000"];
  const { code, output } = await run("npm", ["ping", "--loglevel=error", ...patience], { capture: true });
  const [, reason = "no answer"] = /^npm (?:ERR!|error) code (\S+)$/m.exec(output) ?? [];
  return code === 0 || /^E\d{3}$/.test(reason) ? undefined : reason;
}

/** Changes with every file that says what to install, and with the kind of machine. */
function fingerprint() {
  const manifests = [root, ...packageFolders()].map((folder) => join(folder, "package.json"));
  const files = [...manifests, join(root, "pnpm-lock.yaml"), join(root, "pnpm-workspace.yaml")];
  const hash = createHash("sha256").update(`${process.platform} ${process.arch}`);
  for (const file of files) hash.update(readFileSync(file));
  return hash.digest("hex");
}

/** @returns {{ scope?: Scope, manifests?: string }} */
function readStamp() {
  try {
    return JSON.parse(readFileSync(stamp, "utf8"));
  } catch {
    return {};
  }
}
