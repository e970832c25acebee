import { copyFileSync, existsSync, readdirSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { canUnpackPackages, unpackedFile, unpackPackages } from "../toolchain/debian.mjs";
import { root } from "../toolchain/places.mjs";
import { say } from "../toolchain/steps.mjs";

const library = "libfaketime.so.1";
/** The testkit looks there. */
const cached = join(root, ".cache", "faketime", library);

/**
 * Gets libfaketime, by which tests let a server's clock jump, into the project's cache where the system has none and is
 * Debian or Ubuntu with us as root. Where it cannot be had those tests are skipped, and say why.
 */
export async function provideFakeTime() {
  if (process.env.SLUICE_TEST_FAKETIME || existsSync(cached) || isInstalled() || !canUnpackPackages()) return;
  const home = dirname(cached);
  say(`getting libfaketime into ${relative(root, home)}; nothing on the system changes`);
  try {
    await unpackPackages(home, ["libfaketime"], (folder) => {
      const found = unpackedFile(folder, /\/faketime\/libfaketime\.so\.1$/);
      copyFileSync(/** @type {string} */ (found), join(folder, library));
    });
  } catch (error) {
    say(
      `libfaketime could not be had (${/** @type {Error} */ (error).message}); tests that need it are skipped`,
    );
  }
}

function isInstalled() {
  const folders = ["/usr/lib", "/usr/lib64"].filter((folder) => existsSync(folder));
  const within = folders.flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)));
  return [...folders, ...within].some((folder) => existsSync(join(folder, "faketime", library)));
}
