import { renameSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { canUnpackPackages, unpackedFile, unpackPackages } from "../toolchain/debian.mjs";
import { root } from "../toolchain/places.mjs";
import { run, say, stop } from "../toolchain/steps.mjs";

/** Where programs that had to be fetched are kept; the testkit looks there too. */
const cached = join(root, ".cache", "prometheus");

/** The server, and the tool that checks what the server is configured with. */
const programs = [
  { name: "prometheus", variable: "SLUICE_TEST_PROMETHEUS" },
  { name: "promtool", variable: "SLUICE_TEST_PROMTOOL" },
];

const advice =
  "Install Prometheus (https://prometheus.io/download), or name its programs: " +
  "SLUICE_TEST_PROMETHEUS=/path/to/prometheus SLUICE_TEST_PROMTOOL=/path/to/promtool";

/**
 * Tells the tests, by `SLUICE_TEST_PROMETHEUS` and `SLUICE_TEST_PROMTOOL`, where Prometheus and its tool are: where these
 * say already, else on the PATH, else in the project's cache, into which root gets them from the package of Debian or
 * Ubuntu. Ends the command where they cannot be had, and where a variable names a program that does not run.
 */
export async function providePrometheus() {
  if (await areAllFound()) return;
  if (!canUnpackPackages()) stop(`there is no prometheus or no promtool. ${advice}`);
  say(`getting prometheus into ${relative(root, cached)}; nothing on the system changes`);
  try {
    await unpackPackages(cached, ["prometheus"], keepPrograms);
  } catch (error) {
    stop(`prometheus could not be downloaded (${/** @type {Error} */ (error).message}). ${advice}`);
  }
  if (!(await areAllFound())) stop(`the prometheus that this system packages does not run. ${advice}`);
}

async function areAllFound() {
  for (const { name, variable } of programs) {
    const found = (await chosen(variable)) ?? (await firstThatRuns([name, join(cached, name)]));
    if (found === undefined) return false;
    process.env[variable] = found;
  }
  return true;
}

/** @param {string} variable */
async function chosen(variable) {
  const program = process.env[variable];
  if (!program) return undefined;
  const path = resolve(process.env.INIT_CWD ?? root, program);
  return (await firstThatRuns([path])) ?? stop(`${variable} is ${path}, which does not run. ${advice}`);
}

/** @param {readonly string[]} candidates */
async function firstThatRuns(candidates) {
  for (const program of candidates) {
    if ((await run(program, ["--version"], { capture: true })).code === 0) return program;
  }
  return undefined;
}

/** They are linked to no library of the package. @param {string} folder */
function keepPrograms(folder) {
  for (const { name } of programs) {
    const found = unpackedFile(folder, new RegExp(`^usr/bin/${name}$`));
    if (found === undefined) throw new Error(`the package holds no ${name}`);
    renameSync(found, join(folder, name));
  }
}
