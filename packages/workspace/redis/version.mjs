import { run } from "../toolchain/steps.mjs";

/** @typedef {{ kind: "Redis" | "Valkey", version: string, isRecent: boolean }} ServerVersion */

export const wanted = "Redis >= 7.0 or Valkey >= 7.2";

/** @type {Record<ServerVersion["kind"], [major: number, minor: number]>} */
const oldest = { Redis: [7, 0], Valkey: [7, 2] };

/** What the server at `path` says it is; undefined where it does not run, or is none. @param {string} path */
export async function versionOf(path) {
  const { code, output } = await run(path, ["--version"], { capture: true });
  return code === 0 ? parseVersion(output) : undefined;
}

/** @param {string} text what `--version` prints @returns {ServerVersion | undefined} */
export function parseVersion(text) {
  const [, version, major, minor] = /\bv=((\d+)\.(\d+)[\w.-]*)/.exec(text) ?? [];
  if (version === undefined) return undefined;
  const kind = /valkey/i.test(text) ? "Valkey" : "Redis";
  const [oldestMajor, oldestMinor] = oldest[kind];
  const newer = Number(major) - oldestMajor || Number(minor) - oldestMinor;
  return { kind, version, isRecent: newer >= 0 };
}
