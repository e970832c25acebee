import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Outcome, outcomeOf } from "./outcome.js";
import type { Run } from "./runs.js";
import type { Tools } from "./tools.js";

/** More than any search takes; one that would need more ends without a result. */
const memoryMiB = 1_800;
/** Longer than the longest way without a repeated state. */
const depth = 2_000_000;
const patienceMs = 1_200_000;
const mebibyte = 2 ** 20;

export interface SearchOptions {
  /** The guard that is left out. */
  readonly without?: string;
  /** Finds the shortest counterexample. A search for a cycle cannot. */
  readonly shortest?: boolean;
}

/**
 * Searches all states of one run.
 *
 * @throws Error when spin or the compiler does not take the model
 */
export async function search(tools: Tools, run: Run, options: SearchOptions = {}): Promise<Outcome> {
  const work = await mkdtemp(join(tmpdir(), "sluice-model-"));
  try {
    const isLiveness = run.switches.includes("SERVED");
    const isShortest = options.shortest === true && !isLiveness;
    await writeVerifier(tools, run, options.without, work);
    await compileVerifier(tools, { isLiveness, isShortest }, work);
    const how = isLiveness ? ["-a", "-N", "served"] : [];
    return await verify(isShortest ? [] : [...how, `-m${depth}`], work);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function writeVerifier({ spin, cc }: Tools, run: Run, without: string | undefined, work: string) {
  const names = without === undefined ? run.switches : [...run.switches, without];
  const switches = names.map((name) => `-D${name}`);
  await output(spin, [`-P${cc} -E -xc`, ...switches, "-a", modelFile(run.model)], work);
}

interface Verifier {
  readonly isLiveness: boolean;
  readonly isShortest: boolean;
}

async function compileVerifier({ cc }: Tools, { isLiveness, isShortest }: Verifier, work: string) {
  const names = ["COLLAPSE", `MEMLIM=${memoryMiB}`, "NOFAIR"];
  if (!isLiveness) names.push("SAFETY");
  if (isShortest) names.push("BFS");
  await output(cc, ["-O2", "-w", ...names.map((name) => `-D${name}`), "-o", "pan", "pan.c"], work);
}

/** A verifier that fails shows nothing. */
function verify(args: readonly string[], work: string): Promise<Outcome> {
  return output(join(work, "pan"), args, work).then(outcomeOf, (error: Error) => {
    return { result: "unknown", reason: error.message.trim().replaceAll("\n", "; ") };
  });
}

/** The text of a model. */
export function modelFile(model: Run["model"]): string {
  return fileURLToPath(new URL(`../promela/${model}.pml`, import.meta.url));
}

function output(program: string, args: readonly string[], cwd: string): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { cwd, timeout: patienceMs, maxBuffer: mebibyte }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${error.message}\n${stdout}${stderr}`));
    });
  });
}
