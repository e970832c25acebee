import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { canUnpackPackages, unpackedFile, unpackedLibraries, unpackPackages } from "../toolchain/debian.mjs";
import { root } from "../toolchain/places.mjs";
import { run, say, stop } from "../toolchain/steps.mjs";

/** Where a browser that had to be fetched is kept; the testkit looks there too. */
const cached = join(root, ".cache", "chromium", "chromium");

/**
 * Chromium without windows, what it shares with the one that has them, and fonts: a page without any would be a page
 * without text. Inter is narrower than most fonts, DejaVu wider than most, and has nearly every character.
 */
const packages = [
  ["chromium-headless-shell", "chromium"],
  "chromium-common",
  "fonts-inter",
  "fonts-dejavu-core",
];

const advice = "Install Chromium, or name it: SLUICE_TEST_CHROMIUM=/path/to/chromium";

/**
 * Tells the tests, by `SLUICE_TEST_CHROMIUM`, where their browser is: where it says already, else on the PATH, else in
 * the project's cache, into which root gets the package of Debian. Ends the command where there is none, and where the
 * variable names a program that does not run.
 */
export async function provideChromium() {
  process.env.SLUICE_TEST_CHROMIUM = (await chosen()) ?? (await installed()) ?? (await fetched());
}

async function chosen() {
  const program = process.env.SLUICE_TEST_CHROMIUM;
  if (!program) return undefined;
  const path = resolve(process.env.INIT_CWD ?? root, program);
  if (!(await runs(path))) stop(`SLUICE_TEST_CHROMIUM is ${path}, which does not run. ${advice}`);
  return path;
}

async function installed() {
  for (const program of ["chromium", "chromium-browser", "google-chrome", cached]) {
    if (await runs(program)) return program;
  }
  return undefined;
}

async function fetched() {
  if (!canUnpackPackages()) stop(`there is no chromium. ${advice}`);
  say(`getting chromium into ${relative(root, dirname(cached))}; nothing on the system changes`);
  try {
    await unpackPackages(dirname(cached), packages, makeStartable);
  } catch (error) {
    stop(`chromium could not be downloaded (${/** @type {Error} */ (error).message}). ${advice}`);
  }
  return cached;
}

/** @param {string} program */
async function runs(program) {
  return (await run(program, ["--version"], { capture: true })).code === 0;
}

/** @param {string} folder */
async function makeStartable(folder) {
  const script = join(folder, "chromium");
  writeFileSync(join(folder, "fonts.conf"), fontsConfiguration);
  mkdirSync(join(folder, "cache"));
  writeFileSync(script, startScript(folder), { mode: 0o755 });
  if (!(await runs(script))) stop(`the chromium that this system packages does not run. ${advice}`);
}

/** It finds its files by where it lies itself, since the folder is moved. @param {string} folder */
function startScript(folder) {
  const program = unpackedFile(folder, /^usr\/lib\/chromium\/chromium(-headless-shell)?$/) ?? "";
  const here = (/** @type {string} */ path) => `$here/${relative(folder, path)}`;
  return [
    "#!/bin/sh",
    'here=$(cd "$(dirname "$0")" && pwd)',
    `export LD_LIBRARY_PATH="${unpackedLibraries(folder).map(here).join(":")}"`,
    'export FONTCONFIG_FILE="$here/fonts.conf" XDG_CACHE_HOME="$here/cache"',
    `exec "${here(program)}" "$@"`,
    "",
  ].join("\n");
}

/** The unpacked fonts and no others, so that pages look alike on every machine. */
const fontsConfiguration = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
  <dir prefix="relative">unpacked/usr/share/fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
  <alias binding="same"><family>system-ui</family><prefer><family>Inter</family></prefer></alias>
  <alias binding="same"><family>sans-serif</family><prefer><family>Inter</family></prefer></alias>
  <alias binding="same"><family>monospace</family><prefer><family>DejaVu Sans Mono</family></prefer></alias>
</fontconfig>
`;
