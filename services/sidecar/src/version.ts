import { readFileSync } from "node:fs";

const manifest = readFileSync(new URL("../package.json", import.meta.url), "utf8");

/** The version of the sidecar that runs. */
export const version: string = JSON.parse(manifest).version;
