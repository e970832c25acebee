import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { run, say } from "./steps.mjs";

/** The tools' own helpers are looked for on the PATH, which may hold little more than node. */
const env = { ...process.env, PATH: `${process.env.PATH ?? ""}:/usr/sbin:/usr/bin:/sbin:/bin`, LC_ALL: "C" };

/** In the folder that `unpackPackages` makes, the root of what was in the packages. */
const tree = "unpacked";

/** True for root on Debian, Ubuntu and their like. */
export function canUnpackPackages() {
  return (
    process.getuid?.() === 0 && ["/usr/bin/apt-get", "/usr/bin/dpkg-deb"].every((tool) => existsSync(tool))
  );
}

/**
 * Unpacks packages of this Debian or Ubuntu, together with the libraries and tools that they depend on and the system
 * lacks, into `home`, which appears as a whole or not at all. Nothing on the system changes: no package is installed,
 * no service started, and package lists that this needs are kept apart from the system's. It needs
 * `canUnpackPackages()` and, where apt has no copy, a network. `unpackedFile` finds what was in the packages.
 *
 * @param {string} home a folder of the project's `.cache/`; one that is there is replaced
 * @param {readonly (string | readonly string[])[]} packages each a name, or several of which the first known one is taken
 * @param {(folder: string) => void | Promise<void>} [finish] called with the folder before it becomes `home`, to add start
 *   scripts, say, or to throw where what was unpacked will not do
 * @returns {Promise<void>}
 * @throws Error that says in one line what apt could not do
 */
export async function unpackPackages(home, packages, finish) {
  mkdirSync(dirname(home), { recursive: true });
  const work = mkdtempSync(`${home}-`);
  const clear = () => rmSync(work, { recursive: true, force: true });
  process.once("exit", clear);
  try {
    const problem = (await download(work, [], packages)) && (await downloadWithNewLists(work, packages));
    if (problem) throw new Error(problem);
    await unpack(work);
    await finish?.(work);
    rmSync(home, { recursive: true, force: true });
    chmodSync(work, 0o755);
    renameSync(work, home);
  } finally {
    process.off("exit", clear);
    clear();
  }
}

/**
 * The first file, by its path within the packages, that matches; undefined where there is none.
 *
 * @param {string} folder that `unpackPackages` has made, or hands to `finish`
 * @param {RegExp} pattern as `/^usr\/bin\/spin$/`
 */
export function unpackedFile(folder, pattern) {
  const found = unpackedFiles(folder).find((file) => pattern.test(file));
  return found === undefined ? undefined : join(folder, tree, found);
}

/** The folders of all libraries that were unpacked, for LD_LIBRARY_PATH. @param {string} folder */
export function unpackedLibraries(folder) {
  const libraries = unpackedFiles(folder).filter((file) => /\.so(\.\d+)*$/.test(file));
  return [...new Set(libraries.map((file) => join(folder, tree, dirname(file))))];
}

/** @param {string} folder */
function unpackedFiles(folder) {
  return readdirSync(join(folder, tree), { recursive: true }).map(String);
}

/** @typedef {Parameters<typeof unpackPackages>[1]} Packages */

/** @param {string} work @param {Packages} packages @returns {Promise<string | undefined>} what went wrong */
async function downloadWithNewLists(work, packages) {
  say("fetching package lists");
  const lists = ["-o", `Dir::State::Lists=${work}/lists`];
  mkdirSync(join(work, "lists", "partial"), { recursive: true });
  await apt(work, "apt-get", [...lists, "update"]);
  return download(work, lists, packages);
}

/**
 * @param {string} work
 * @param {readonly string[]} lists
 * @param {Packages} packages
 * @returns {Promise<string | undefined>} what went wrong
 */
async function download(work, lists, packages) {
  const known = [];
  for (const names of packages) {
    const name = await firstKnown(work, lists, [names].flat());
    if (!name) return `apt does not know ${[names].flat().join(" or ")}; is there a network?`;
    known.push(name);
  }
  const all = await withMissingDependencies(work, lists, known);
  const { code, output } = await apt(work, "apt-get", [...lists, "download", ...all]);
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
 * The packages, and of what they depend on the tools (Debian keeps Redis's program there) and libraries that are not
 * installed.
 *
 * @param {string} work @param {readonly string[]} lists @param {readonly string[]} names
 */
async function withMissingDependencies(work, lists, names) {
  const installed = await installedPackages();
  const packages = new Set(names);
  // One question for each step away from the packages: apt reads its lists anew for every question.
  let asked = names;
  while (asked.length > 0) {
    const { output } = await apt(work, "apt-cache", [...lists, "depends", "--important", ...asked]);
    const found = [...output.matchAll(/Depends: ([a-z0-9][a-z0-9.+-]*)/g)].map(([, name = ""]) => name);
    asked = found.filter((name) => isNeeded(name) && !installed.has(name) && !packages.has(name));
    for (const name of asked) packages.add(name);
  }
  return [...packages];
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

/** @param {string} work */
async function unpack(work) {
  for (const file of readdirSync(work).filter((name) => name.endsWith(".deb"))) {
    await run("/usr/bin/dpkg-deb", ["-x", join(work, file), join(work, tree)], { capture: true, env });
    rmSync(join(work, file));
  }
  for (const folder of ["lists", "cache"]) rmSync(join(work, folder), { recursive: true, force: true });
}
