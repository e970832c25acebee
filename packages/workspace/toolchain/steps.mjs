import { spawn } from "node:child_process";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { root } from "./places.mjs";

const endings = /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"]);

/** @typedef {{ code: number, output: string }} Outcome `output` is what it printed, empty unless captured */

/** Says what is being done, on stderr: stdout belongs to the command itself. @param {string} text */
export function say(text) {
  console.error(`sluice: ${text}`);
}

/** Ends the command: the last line says why. @param {string} reason @returns {never} */
export function stop(reason) {
  say(reason);
  process.exit(1);
}

/**
 * Runs a program to its end. It gets no input, and a process group of its own, which a signal to this process ends as a
 * whole: package managers start children of their own.
 *
 * @param {string} program
 * @param {readonly string[]} args
 * @param {{ capture?: boolean, env?: NodeJS.ProcessEnv, cwd?: string }} [options] `capture` keeps its output back
 * @returns {Promise<Outcome>}
 */
export function run(program, args, { capture = false, env = process.env, cwd = root } = {}) {
  const out = capture ? "pipe" : "inherit";
  const child = spawn(program, args, { cwd, env, stdio: ["ignore", out, out], detached: true });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk) => {
      output += chunk;
    });
  }
  const release = endWithThisProcess(child);
  return new Promise((fulfil) => {
    child.once("error", (error) => fulfil({ code: 127, output: error.message }));
    child.once("close", (code) => fulfil({ code: code ?? 1, output }));
  }).finally(release);
}

/**
 * Goes on as another program, in this very process: signals, exit code and terminal are its own.
 *
 * @param {string} path from the root
 * @param {readonly string[]} args
 */
export async function become(path, args) {
  const file = resolve(root, path);
  process.argv.splice(1, Number.POSITIVE_INFINITY, file, ...args);
  process.chdir(root);
  await import(pathToFileURL(file).href);
}

/** @param {import("node:child_process").ChildProcess} child @returns {() => void} the function that ends the tie */
function endWithThisProcess(child) {
  /** @param {NodeJS.Signals} signal @param {number} number */
  const end = (signal, number) => {
    child.once("close", () => {
      // The native compiler finishes its work first when it is interrupted.
      signalGroup(child, "SIGKILL");
      process.exit(128 + number);
    });
    signalGroup(child, signal);
  };
  for (const signal of endings) process.on(signal, end);
  return () => {
    for (const signal of endings) process.off(signal, end);
  };
}

/** @param {import("node:child_process").ChildProcess} child @param {NodeJS.Signals} signal */
function signalGroup(child, signal) {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // Nobody is left in the group.
  }
}
