import { writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { unpackedFile, unpackedLibraries, unpackPackages } from "../toolchain/debian.mjs";
import { root } from "../toolchain/places.mjs";
import { say, stop } from "../toolchain/steps.mjs";
import { adviceFor } from "./advice.mjs";
import { versionOf, wanted } from "./version.mjs";

/**
 * Unpacks the system's own Redis (or Valkey) package, and the libraries that it lacks, next to `target`, a script that
 * starts it. Nothing on the system changes.
 *
 * @param {string} target
 * @returns {Promise<string>} the target
 */
export async function unpackServer(target) {
  const home = dirname(target);
  say(`getting the Redis package of this system into ${relative(root, home)}; nothing on the system changes`);
  try {
    await unpackPackages(home, [["redis-server", "valkey-server"]], makeStartScript);
  } catch (error) {
    const { message } = /** @type {Error} */ (error);
    stop(`no Redis package could be downloaded (${message}). ${adviceFor(process.platform)}`);
  }
  return target;
}

/** @param {string} folder */
async function makeStartScript(folder) {
  const script = join(folder, "redis-server");
  writeFileSync(script, startScript(folder), { mode: 0o755 });
  const found = await versionOf(script);
  if (!found) stop(`the server that this system packages does not run. ${adviceFor(process.platform)}`);
  if (!found.isRecent) stop(`this system packages ${found.kind} ${found.version}; the tests need ${wanted}`);
  say(`using ${found.kind} ${found.version}`);
}

/** It finds its files by where it lies itself, since the folder is moved. @param {string} folder */
function startScript(folder) {
  const server = unpackedFile(folder, /^usr\/bin\/(redis|valkey)-server$/) ?? "";
  const here = (/** @type {string} */ path) => `$here/${relative(folder, path)}`;
  return [
    "#!/bin/sh",
    'here=$(dirname "$0")',
    `export LD_LIBRARY_PATH="${unpackedLibraries(folder).map(here).join(":")}"`,
    `exec "${here(server)}" "$@"`,
    "",
  ].join("\n");
}
