import { expect, it } from "vitest";
import type { Fault } from "../src/fault.js";
import type { Outcome } from "../src/run.js";
import { firstSeed, runTimes, whyNot } from "../src/suite.js";

/** Waiting for its turn counts, too. */
const turnMs = 300_000;
const runMs = 30_000;

/** A test of each fault, which runs it so many times, and hands what came out to `told`. */
export function testFaults(
  faults: readonly Fault[],
  runs: number,
  told: (fault: Fault, outcomes: readonly Outcome[]) => void = () => {},
): void {
  console.log(`SLUICE_TEST_SEED=${firstSeed}`);
  for (const fault of faults) {
    const reason = whyNot(fault);
    const title = `${fault.name}${reason === undefined ? "" : ` (skipped: ${reason})`}`;
    it.skipIf(reason !== undefined)(title, { timeout: turnMs + runs * runMs }, async () => {
      const outcomes = await runTimes(fault, runs);
      told(fault, outcomes);
      const broken = outcomes.filter((outcome) => outcome.broken.length > 0);
      expect(broken).toEqual([]);
    });
  }
}
