import { accessSync, constants } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import { canUnpackPackages } from "../toolchain/debian.mjs";
import { root } from "../toolchain/places.mjs";
import { say, stop } from "../toolchain/steps.mjs";
import { adviceFor } from "./advice.mjs";
import { unpackServer } from "./debian.mjs";
import { versionOf, wanted } from "./version.mjs";

/** Where a server that had to be fetched is kept; the testkit looks there too. */
const cached = join(root, ".cache", "redis", "redis-server");

/**
 * The path of a server that the tests may start: `SLUICE_TEST_REDIS_SERVER`, else the first on the PATH, else the
 * project's own, which root gets from the packages of Debian or Ubuntu. Ends the command where there is none.
 */
export async function redisServer() {
  const chosen = process.env.SLUICE_TEST_REDIS_SERVER;
  if (chosen) return checked(resolve(process.env.INIT_CWD ?? root, chosen));
  for (const path of [...candidatesOnPath(), cached]) {
    if (isExecutable(path) && (await isRecent(path))) return path;
  }
  if (!canUnpackPackages()) stop(`the tests need ${wanted}. ${adviceFor(process.platform)}`);
  return unpackServer(cached);
}

/** @param {string} path @returns {Promise<string>} */
async function checked(path) {
  const found = await versionOf(path);
  if (!found) stop(`SLUICE_TEST_REDIS_SERVER is ${path}, which is no Redis or Valkey server`);
  if (!found.isRecent)
    stop(`SLUICE_TEST_REDIS_SERVER is ${found.kind} ${found.version}; the tests need ${wanted}`);
  return path;
}

/** @param {string} path */
async function isRecent(path) {
  const found = await versionOf(path);
  if (found && !found.isRecent) say(`passing over ${path}: it is ${found.kind} ${found.version}`);
  return found?.isRecent ?? false;
}

function candidatesOnPath() {
  const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  return folders.flatMap((folder) => [join(folder, "redis-server"), join(folder, "valkey-server")]);
}

/** @param {string} path */
function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
