// Embeds the Lua scripts into one generated TypeScript file: reading .lua at run time breaks under bundlers.
//   node packages/core/lua/embed.mjs          writes it
//   node packages/core/lua/embed.mjs --check  fails where it is out of date
import { readFileSync, writeFileSync } from "node:fs";

const SCRIPTS = ["apply", "inspect"];
const target = new URL("../src/stores/redis/scripts.generated.ts", import.meta.url);

function read(name) {
  return readFileSync(new URL(`${name}.lua`, import.meta.url), "utf8");
}

/** The text of a script with its includes, without comments and indentation: Redis compiles it for each new server. */
function assemble(name) {
  return read(name)
    .replace(/^--@include (\w+)$/gm, (_, part) => read(part))
    .split("\n")
    .map((line) => line.replace(/^\s+/, "").replace(/(^|\s)--( .*|)$/, "").trimEnd())
    .filter((line) => line !== "")
    .join("\n");
}

const constants = SCRIPTS.map((name) => `export const ${name}Lua = ${JSON.stringify(assemble(name))};\n`);
const text = `// Generated from packages/core/lua by "npm run lua". Do not edit.\n\n${constants.join("\n")}`;

if (!process.argv.includes("--check")) {
  writeFileSync(target, text);
} else if (readFileSync(target, "utf8") !== text) {
  console.error('scripts.generated.ts is out of date: run "npm run lua"');
  process.exit(1);
}
