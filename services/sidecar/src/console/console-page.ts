import { readdir } from "node:fs/promises";
import { type PageFile, readPageFile } from "./page-file.js";

/** The console as it was built: what is not in it is not served, whatever a path says. */
export interface ConsolePage {
  readonly index: PageFile;
  /** Those of its folder `console`, by their names, which hold a digest of what is in them. */
  readonly files: ReadonlyMap<string, PageFile>;
}

/** Undefined where it was not built. @throws Error of the operating system where it cannot be read */
export async function readConsole(folder: URL): Promise<ConsolePage | undefined> {
  const assets = new URL("console/", folder);
  try {
    const index = await readPageFile(new URL("index.html", folder));
    const names = await readdir(assets);
    const read = await Promise.all(
      names.map(
        async (name) => [name, await readPageFile(new URL(encodeURIComponent(name), assets))] as const,
      ),
    );
    return { index, files: new Map(read) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
