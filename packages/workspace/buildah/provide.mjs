import { existsSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { canUnpackPackages, unpackedFile, unpackPackages } from "../toolchain/debian.mjs";
import { root } from "../toolchain/places.mjs";
import { run, say } from "../toolchain/steps.mjs";
import { buildahProgram, homes } from "./places.mjs";

/** What a Node needs of a system, and a shell with its tools. */
const basePackages = ["libc6", "libgcc-s1", "libstdc++6", "busybox-static"];

/**
 * Gets buildah, by which tests build the images without a Docker engine, and what a base image is made of, into the
 * project's cache where we are root on Debian or Ubuntu. Where they cannot be had those tests are skipped, and say why.
 */
export async function provideBuildah() {
  if (!canUnpackPackages()) return;
  try {
    if (!existsSync(homes.base)) await unpackTo(homes.base, basePackages);
    // A clone that was moved is found out too: the path of the library is written into the program.
    const { code } = await run(buildahProgram, ["--version"], { capture: true });
    if (code !== 0) await unpackTo(homes.program, ["buildah", "patchelf"], nameLibraries);
  } catch (error) {
    say(`buildah could not be had (${/** @type {Error} */ (error).message}); tests that need it are skipped`);
  }
}

/**
 * @param {string} home
 * @param {readonly string[]} packages
 * @param {(folder: string) => Promise<void>} [finish]
 */
async function unpackTo(home, packages, finish) {
  say(`getting ${packages[0]} into ${relative(root, home)}; nothing on the system changes`);
  await unpackPackages(home, packages, finish);
}

/**
 * Writes into buildah where its libraries will lie. It starts itself anew with an empty environment, and from a copy in
 * memory, so that neither LD_LIBRARY_PATH nor a path relative to its own would find them.
 *
 * @param {string} folder
 */
async function nameLibraries(folder) {
  const [patchelf, library] = [/^usr\/bin\/patchelf$/, /\/libgpgme\.so\.\d+$/].map((file) =>
    unpackedFile(folder, file),
  );
  if (library === undefined) return;
  const libraries = join(homes.program, relative(folder, dirname(library)));
  const program = join(folder, relative(homes.program, buildahProgram));
  const { code, output } = await run(patchelf ?? "", ["--force-rpath", "--set-rpath", libraries, program], {
    capture: true,
  });
  if (code !== 0) throw new Error(output.trim());
}
