import { run, say, stop } from "./steps.mjs";

/** Fails where the linter complains, or where a generated file does not agree with its source. */
export async function check() {
  say("checking style and generated files");
  const checks = [
    ["node_modules/@biomejs/biome/bin/biome", "check", "."],
    ["packages/core/lua/embed.mjs", "--check"],
  ];
  for (const args of checks) {
    const { code } = await run(process.execPath, args);
    if (code !== 0) stop("the check failed");
  }
}
