import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { packageFolders } from "../toolchain/places.mjs";

/**
 * The projects of vitest.config.ts, whose names begin so. `tests` needs Redis alone; `system` needs more of the machine,
 * `faults` and `soak` more time.
 *
 * @typedef {"tests" | "system" | "faults" | "soak"} Suite
 */

/** @type {readonly string[]} */
const named = ["system", "faults", "soak"];

/** @param {readonly string[]} argv @returns {{ suite: Suite, args: readonly string[] }} what is left is for vitest */
export function suiteFrom(argv) {
  const [first, ...rest] = argv;
  if (first === undefined || !named.includes(first)) return { suite: "tests", args: argv };
  return { suite: /** @type {Suite} */ (first), args: rest };
}

/** Whether tests of this suite set the clock of a server. @param {Suite} suite */
export function setsClocks(suite) {
  return suite === "system" || suite === "faults";
}

/** @param {Suite} suite */
export function hasTests(suite) {
  const ending = suite === "tests" ? ".test.ts" : `.${suite}.test.ts`;
  return testFiles().some((file) => file.endsWith(ending));
}

function testFiles() {
  const folders = packageFolders().map((folder) => join(folder, "test"));
  return folders.filter(existsSync).flatMap((folder) => readdirSync(folder, { recursive: true }).map(String));
}
