import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's root; every command works there, wherever it was called. */
export const root = fileURLToPath(new URL("../../..", import.meta.url));

/** The folders of all packages of this workspace, as pnpm-workspace.yaml names them. */
export function packageFolders() {
  const parents = ["packages", "services"].map((parent) => join(root, parent));
  const folders = parents.flatMap((parent) => readdirSync(parent).map((folder) => join(parent, folder)));
  return folders.filter((folder) => existsSync(join(folder, "package.json")));
}
