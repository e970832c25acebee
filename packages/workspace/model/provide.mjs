import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { canUnpackPackages, unpackedFile, unpackPackages } from "../toolchain/debian.mjs";
import { root } from "../toolchain/places.mjs";
import { run, say, stop } from "../toolchain/steps.mjs";

/** Where tools that had to be fetched are kept; the model looks there too. */
const cached = join(root, ".cache", "spin");

const advice = "Install spin and a C compiler, or name them: SLUICE_SPIN=/path/to/spin SLUICE_CC=/path/to/cc";

/** Tells the model, by SLUICE_SPIN and SLUICE_CC, where its tools are, and gets those that the system lacks. */
export async function provideModelTools() {
  process.env.SLUICE_SPIN ||= await toolOr("spin", ["spin"], "-V", ["spin"], startSpin);
  process.env.SLUICE_CC ||= await toolOr("cc", ["cc", "gcc", "clang"], "-v", tinyCompiler, startTinyCompiler);
}

/** A compiler of half a megabyte, and what its programs are made of; what it makes runs several times as long. */
const tinyCompiler = ["tcc", "libc6-dev", "linux-libc-dev"];

/**
 * The first of the programs that runs, or the project's own, which root gets from the packages of Debian or Ubuntu. Ends
 * the command where there is none.
 *
 * @param {string} name
 * @param {readonly string[]} programs
 * @param {string} question that each of them answers
 * @param {readonly string[]} packages
 * @param {(folder: string) => string} start the text of the script that starts what was unpacked
 */
async function toolOr(name, programs, question, packages, start) {
  const script = join(cached, name, name);
  for (const program of [...programs, script]) {
    if ((await run(program, [question], { capture: true })).code === 0) return program;
  }
  if (!canUnpackPackages()) stop(`there is no ${programs.join(" or ")}. ${advice}`);
  say(`getting ${packages[0]} into ${relative(root, dirname(script))}; nothing on the system changes`);
  try {
    mkdirSync(cached, { recursive: true });
    await unpackPackages(dirname(script), packages, (folder) =>
      writeFileSync(join(folder, name), start(folder), { mode: 0o755 }),
    );
  } catch (error) {
    stop(`${packages[0]} could not be downloaded (${/** @type {Error} */ (error).message}). ${advice}`);
  }
  return script;
}

/** @param {string} folder */
function startSpin(folder) {
  return startScript([inFolder(folder, /^usr\/bin\/spin$/)]);
}

/** Its headers and libraries lie where no compiler looks by itself. @param {string} folder */
function startTinyCompiler(folder) {
  const headers = dirname(inFolder(folder, /^usr\/include\/stdio\.h$/));
  const libraries = dirname(inFolder(folder, /\/crt1\.o$/));
  const own = dirname(inFolder(folder, /\/libtcc1\.a$/));
  const multiarch = `${headers}/${libraries.split("/").at(-1)}`;
  const options = [`-B${own}`, `-I${multiarch}`, `-I${headers}`, `-L${libraries}`];
  return startScript([inFolder(folder, /^usr\/bin\/tcc$/), ...options]);
}

/** @param {string} folder @param {RegExp} pattern */
function inFolder(folder, pattern) {
  return `$here/${relative(folder, unpackedFile(folder, pattern) ?? "")}`;
}

/** It finds its files by where it lies itself, since the folder is moved. @param {readonly string[]} words */
function startScript(words) {
  const quoted = words.map((word) => `"${word}"`).join(" ");
  return `#!/bin/sh\nhere=$(dirname "$0")\nexec ${quoted} "$@"\n`;
}
