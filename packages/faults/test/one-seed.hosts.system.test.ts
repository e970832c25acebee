import { describe } from "vitest";
import { faults } from "../src/faults/index.js";
import { testFaults } from "./faults.js";

describe.concurrent("a fleet keeps its promises when", () => {
  testFaults(
    faults.filter(({ needs }) => needs !== undefined),
    1,
  );
});
