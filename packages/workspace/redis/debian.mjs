import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import { root } from "../toolchain/places.mjs";
import { run, say, stop } from "../toolchain/steps.mjs";
import { adviceFor } from "./advice.mjs";
import { versionOf, wanted } from "./version.mjs";

/** The tools' own helpers are looked for on the PATH, which may hold little more than node. */
const env = { ...process.env, PATH: `${process.env.PATH ?? ""}:/usr/sbin:/usr/bin:/sbin:/bin`, LC_ALL: "C" };

/** True for root on Debian, Ubuntu and their like. */
export function canUnpackPackages() {
  return (
    process.getuid?.() === 0 && ["/usr/bin/apt-get", "/usr/bin/dpkg-deb"].every((tool) => existsSync(tool))
  );
}

/**
 * Unpacks the system's own Redis (or Valkey) package, and the libraries that it lacks, next to `target`, a script that
 * starts it. Nothing on the system changes: no package is installed, no service started, and the package
 * lists that this needs are kept apart from the system's.
 *
 * @param {string} target
 * @returns {Promise<string>} the target
 */
export async function unpackServer(target) {
  const home = dirname(target);
  say(`getting the Redis package of this system into ${relative(root, home)}; nothing on the system changes`);
  mkdirSync(dirname(home), { recursive: true });
  const work = mkdtempSync(`${home}-`);
  process.once("exit", () => rmSync(work, { recursive: true, force: true }));
  const problem = (await download(work, [])) && (await downloadWithNewLists(work));
  if (problem) stop(`no Redis package could be downloaded (${problem}). ${adviceFor(process.platform)}`);
  const found = await versionOf(await unpack(work));
  if (!found) stop(`the server that this system packages does not run. ${adviceFor(process.platform)}`);
  if (!found.isRecent) stop(`this system packages ${found.kind} ${found.version}; the tests need ${wanted}`);
  rmSync(home, { recursive: true, force: true });
  chmodSync(work, 0o755);
  renameSync(work, home);
  say(`using ${found.kind} ${found.version}`);
  return target;
}

/** @param {string} work @returns {Promise<string | undefined>} what went wrong */
async function downloadWithNewLists(work) {
  say("fetching package lists");
  const lists = ["-o", `Dir::State::Lists=${work}/lists`];
  mkdirSync(join(work, "lists", "partial"), { recursive: true });
  await apt(work, "apt-get", [...lists, "update"]);
  return download(work, lists);
}

/** @param {string} work @param {readonly string[]} lists @returns {Promise<string | undefined>} what went wrong */
async function download(work, lists) {
  const server = await firstKnown(work, lists, ["redis-server", "valkey-server"]);
  if (!server) return "apt knows neither redis-server nor valkey-server; is there a network?";
  const packages = await withMissingDependencies(work, lists, server);
  const { code, output } = await apt(work, "apt-get", [...lists, "download", ...packages]);
  return code === 0 ? undefined : (output.trim().split("\n").at(-1) ?? "apt-get download failed");
}

/** @param {string} work @param {readonly string[]} lists @param {readonly string[]} names */
async function firstKnown(work, lists, names) {
  for (const name of names) {
    if ((await apt(work, "apt-cache", [...lists, "show", name])).code === 0) return name;
  }
  return undefined;
}

/**
 * The package, and of what it depends on the tools (Debian keeps the server's program there) and libraries that are not
 * installed.
 *
 * @param {string} work @param {readonly string[]} lists @param {string} server
 */
async function withMissingDependencies(work, lists, server) {
  const installed = await installedPackages();
  const packages = [server];
  for (const name of packages) {
    const { output } = await apt(work, "apt-cache", [...lists, "depends", "--important", name]);
    const names = [...output.matchAll(/Depends: ([a-z0-9][a-z0-9.+-]*)/g)].map(
      ([, dependency = ""]) => dependency,
    );
    packages.push(
      ...names.filter((found) => isNeeded(found) && !installed.has(found) && !packages.includes(found)),
    );
  }
  return packages;
}

/** @param {string} name */
function isNeeded(name) {
  return name.startsWith("lib") || name.endsWith("-tools");
}

async function installedPackages() {
  const { output } = await run("/usr/bin/dpkg", ["--get-selections"], { capture: true, env });
  return new Set([...output.matchAll(/^([a-z0-9][a-z0-9.+-]*).*\sinstall$/gm)].map(([, name = ""]) => name));
}

/** @param {string} work @param {"apt-get" | "apt-cache"} tool @param {readonly string[]} args */
function apt(work, tool, args) {
  const apart = ["-q", "-o", `Dir::Cache=${work}/cache`, "-o", "APT::Sandbox::User=root"];
  return run(`/usr/bin/${tool}`, [...apart, ...args], { capture: true, cwd: work, env });
}

/** Unpacks all packages in `work`, and returns the script that starts the server. @param {string} work */
async function unpack(work) {
  const tree = join(work, "unpacked");
  for (const file of readdirSync(work).filter((name) => name.endsWith(".deb"))) {
    await run("/usr/bin/dpkg-deb", ["-x", join(work, file), tree], { capture: true, env });
    rmSync(join(work, file));
  }
  for (const folder of ["lists", "cache"]) rmSync(join(work, folder), { recursive: true, force: true });
  const script = join(work, "redis-server");
  writeFileSync(script, startScript(work, tree), { mode: 0o755 });
  return script;
}

/** @param {string} work @param {string} tree */
function startScript(work, tree) {
  const files = readdirSync(tree, { recursive: true }).map(String);
  const server = files.find((file) => /^usr\/bin\/(redis|valkey)-server$/.test(file));
  const folders = new Set(files.filter((file) => /\.so(\.\d+)*$/.test(file)).map(dirname));
  const here = `$here/${relative(work, tree)}`;
  return [
    "#!/bin/sh",
    'here=$(dirname "$0")',
    `export LD_LIBRARY_PATH="${[...folders].map((folder) => `${here}/${folder}`).join(":")}"`,
    `exec "${here}/${server}" "$@"`,
    "",
  ].join("\n");
}
