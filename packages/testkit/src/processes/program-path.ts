import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Where the npm commands put programs that they had to fetch. */
const cache = fileURLToPath(new URL("../../../../.cache", import.meta.url));

export interface ProgramSearch {
  /** The environment variable that says where the program is. */
  readonly variable: string;
  /** What it may be called, the first that is found counts. */
  readonly names: readonly string[];
  /** Where it lies below the project's cache, once it was fetched. */
  readonly cached: string;
  /** The npm command that fetches it. */
  readonly command: string;
}

/**
 * The path of a program: what its variable says, else the first on the PATH, else the one in the project's cache.
 *
 * @throws Error where there is none, saying what to do
 */
export function programPath(
  { variable, names, cached, command }: ProgramSearch,
  env: NodeJS.ProcessEnv = process.env,
): string {
  const folders = (env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  const chosen = env[variable];
  if (chosen) return chosen.includes("/") ? chosen : (onPath(folders, [chosen]) ?? chosen);
  const found = onPath(folders, names) ?? [join(cache, cached)].find(isExecutable);
  if (found) return found;
  throw new Error(`no ${names.join(" or ")} found; run \`${command}\`, or set ${variable}`);
}

function onPath(folders: readonly string[], names: readonly string[]): string | undefined {
  return folders.flatMap((folder) => names.map((name) => join(folder, name))).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
