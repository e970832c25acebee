// Embeds the Lua scripts into generated TypeScript files: reading .lua at run time breaks under bundlers.
//   node packages/core/lua/embed.mjs          writes them
//   node packages/core/lua/embed.mjs --check  fails where one is out of date
//
// Two directives stand in the scripts:
//   --@include part             the text of part.lua
//   --@define NAME value        NAME is replaced by value everywhere
import { readFileSync, writeFileSync } from "node:fs";

const TARGETS = [
  { store: "redis", folder: "", scripts: ["apply", "inspect"] },
  {
    store: "redlock",
    folder: "quorum/",
    scripts: ["look", "meet", "names", "release", "revoke", "tell", "vote"],
  },
];

function read(name) {
  return readFileSync(new URL(`${name}.lua`, import.meta.url), "utf8").replace(
    /^--@include ([\w/]+)$/gm,
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

function generate({ folder, scripts }) {
  const constants = scripts.map(
    (name) => `export const ${name}Lua = ${JSON.stringify(assemble(folder + name))};\n`,
  );
  return `// Generated from packages/core/lua by "npm run lua". Do not edit.\n\n${constants.join("\n")}`;
}

for (const target of TARGETS) {
  const file = new URL(`../src/stores/${target.store}/scripts.generated.ts`, import.meta.url);
  const text = generate(target);
  if (!process.argv.includes("--check")) {
    writeFileSync(file, text);
  } else if (readFileSync(file, "utf8") !== text) {
    console.error(`${target.store}/scripts.generated.ts is out of date: run "npm run lua"`);
    process.exitCode = 1;
  }
}
