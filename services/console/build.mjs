// Builds the page into dist/page: index.html, and beside it console/ with the files it loads. Their names bear a hash
// of their contents, so that a browser may keep them for ever. Run it after tsc, which checks the types.
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const source = fileURLToPath(new URL("src/", import.meta.url));
const page = fileURLToPath(new URL("dist/page/", import.meta.url));
const folder = "console";

/** As index.html names them. */
const entries = ["main.tsx", "console.css", "mark.svg"];

const { outputFiles, metafile } = await build({
  absWorkingDir: source,
  entryPoints: entries,
  outdir: join(page, folder),
  entryNames: "[name]-[hash]",
  bundle: true,
  minify: true,
  format: "esm",
  target: ["chrome123", "firefox120", "safari17.5"],
  jsx: "automatic",
  jsxImportSource: "preact",
  loader: { ".svg": "copy" },
  legalComments: "none",
  metafile: true,
  write: false,
});

await mkdir(join(page, folder), { recursive: true });
for (const { path, contents } of outputFiles) await writeChanged(path, contents);
const html = withBuiltNames(await readFile(join(source, "page.html"), "utf8"));
await writeChanged(join(page, "index.html"), Buffer.from(html));
await removeOthers(outputFiles.map(({ path }) => basename(path)));

/** @param {string} html */
function withBuiltNames(html) {
  let named = html;
  for (const [path, { entryPoint }] of Object.entries(metafile.outputs)) {
    if (entryPoint !== undefined) named = named.replace(`"${entryPoint}"`, `"${folder}/${basename(path)}"`);
  }
  const forgotten = entries.find((entry) => named.includes(`"${entry}"`));
  if (forgotten !== undefined) throw new Error(`${forgotten} was not built`);
  return named;
}

/** What is there already is left alone: a sidecar may be reading it. @param {string} path @param {Uint8Array} contents */
async function writeChanged(path, contents) {
  const present = await readFile(path).catch(() => undefined);
  if (!present?.equals(contents)) await writeFile(path, contents);
}

/** What an earlier build has left. @param {readonly string[]} names */
async function removeOthers(names) {
  for (const name of await readdir(join(page, folder))) {
    if (!names.includes(name)) await rm(join(page, folder, name));
  }
}
