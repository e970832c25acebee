import { Semaphore } from "@sluice/core";
import { memoryStore } from "@sluice/core/memory";
import { whyNoFakeClocks, whyNoRemoteHosts } from "@sluice/testkit";
import type { Fault } from "./fault.js";
import { type Outcome, runFault } from "./run.js";

/** More worlds at once would be late for what they promise. */
const worlds = new Semaphore(memoryStore(), "worlds", { limit: 3 });

/** `SLUICE_TEST_SEED` repeats what was chosen in a run; each further run of a fault has the next seed. */
export const firstSeed = Number(process.env.SLUICE_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));

/** Lets the fault happen so many times, with one seed after the other. @throws Error that tells the seed */
export function runTimes(fault: Fault, runs: number): Promise<Outcome[]> {
  const seeds = Array.from({ length: runs }, (_, run) => firstSeed + run);
  return Promise.all(seeds.map((seed) => worlds.use(() => runWith(fault, seed))));
}

async function runWith(fault: Fault, seed: number): Promise<Outcome> {
  try {
    return await runFault(fault, seed);
  } catch (error) {
    throw new Error(`SLUICE_TEST_SEED=${seed}: ${(error as Error).message}`, { cause: error });
  }
}

/** Why this fault cannot be made here, or undefined where it can. */
export function whyNot({ needs }: Fault): string | undefined {
  if (needs === "faketime") return whyNoFakeClocks();
  return needs === "namespaces" ? whyNoRemoteHosts() : undefined;
}
