import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The programs that a search needs. */
export interface Tools {
  readonly spin: string;
  /** A C compiler that takes the common options of cc. */
  readonly cc: string;
}

/** Where the repository's own commands keep what the system lacks. */
const cache = fileURLToPath(new URL("../../../.cache/spin/", import.meta.url));

/**
 * `SLUICE_SPIN` and `SLUICE_CC`, else what is on the PATH, else what `npm run model` has fetched.
 *
 * @throws Error that names the tool which is missing
 */
export function findTools(): Tools {
  return {
    spin: firstOf("SLUICE_SPIN", ["spin"], "-V"),
    cc: firstOf("SLUICE_CC", ["cc", "gcc", "clang"], "-v"),
  };
}

function firstOf(variable: string, names: readonly string[], question: string): string {
  const named = process.env[variable];
  if (named !== undefined && named !== "") return named;
  const found = names.find((name) => spawnSync(name, [question]).status === 0);
  if (found !== undefined) return found;
  const fetched = `${cache}${names[0]}/${names[0]}`;
  if (existsSync(fetched)) return fetched;
  throw new Error(
    `there is no ${names.join(" or ")}; npm run model gets one, or name one: ${variable}=/path/to/it`,
  );
}
