// Embeds the Lua scripts into one generated TypeScript file: reading .lua at run time breaks under bundlers.
//   node packages/core/lua/embed.mjs          writes it
//   node packages/core/lua/embed.mjs --check  fails where it is out of date
//
// Two directives stand in the scripts:
//   --@include part             the text of part.lua
//   --@define NAME value        NAME is replaced by value everywhere
import { readFileSync, writeFileSync } from "node:fs";

const SCRIPTS = ["apply", "inspect"];
const target = new URL("../src/stores/redis/scripts.generated.ts", import.meta.url);

function read(name) {
  return readFileSync(new URL(`${name}.lua`, import.meta.url), "utf8").replace(
    /^--@include (\w+)$/gm,
    (_, part) => read(part),
  );
}

/** The text of a script, without comments and indentation: Redis compiles it for each new server. */
function assemble(name) {
  const source = read(name);
  const constants = new Map(
    [...source.matchAll(/^--@define (\w+) (.+)$/gm)].map(([, word, value]) => [word, value]),
  );
  return source
    .split("\n")
    .map((line) =>
      line
        .replace(/^\s+/, "")
        .replace(/(^|\s)--(@| |$).*/, "")
        .trimEnd(),
    )
    .filter((line) => line !== "")
    .map((line) => line.replace(/\b[A-Z][A-Z_]+\b/g, (word) => constants.get(word) ?? word))
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
