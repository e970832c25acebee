import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Where `npm run test:system` puts a browser that it had to fetch. */
const cached = fileURLToPath(new URL("../../../../.cache/chromium/chromium", import.meta.url));

const names = ["chromium", "chromium-browser", "google-chrome"];

/**
 * The path of a Chromium: `SLUICE_TEST_CHROMIUM`, else the first on the PATH, else the one in the project's cache.
 *
 * @throws Error where there is none, saying what to do
 */
export function chromiumPath(env: NodeJS.ProcessEnv = process.env): string {
  const folders = (env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  const chosen = env.SLUICE_TEST_CHROMIUM;
  if (chosen) return chosen.includes("/") ? chosen : found(folders.map((folder) => join(folder, chosen)));
  const onPath = names.flatMap((name) => folders.map((folder) => join(folder, name)));
  return found([...onPath, cached]);
}

function found(candidates: readonly string[]): string {
  const path = candidates.find(isExecutable);
  if (path) return path;
  throw new Error("no Chromium found; run `npm run test:system`, or set SLUICE_TEST_CHROMIUM");
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
