import { describe } from "vitest";
import { faults } from "../src/faults/index.js";
import { keepResult, rowOf } from "../src/results.js";
import { testFaults } from "./faults.js";

const runs = Number(process.env.SLUICE_TEST_FAULT_RUNS ?? 30);

describe("a fleet keeps its promises when", () => {
  testFaults(faults, runs, (fault, outcomes) => keepResult(fault.name, rowOf(outcomes)));
});
