import { describe, expect, it } from "vitest";
import { mutants, runs } from "../src/runs.js";
import { search } from "../src/search.js";
import { findTools } from "../src/tools.js";

/** A small compiler makes slow verifiers, and both cores may be busy. */
const timeout = 1_200_000;
const tools = findTools();

describe("the model of the protocol", () => {
  it.each(runs)("holds in all states where there are $about", { timeout }, async (run) => {
    expect(await search(tools, run)).toMatchObject({ result: "holds" });
  });

  it.each(mutants)("is violated ($property) with $guard", { timeout }, async ({ guard, run, property }) => {
    const outcome = await search(tools, run, { without: guard, shortest: true });
    expect(outcome).toMatchObject({ result: "violated", property });
  });
});
