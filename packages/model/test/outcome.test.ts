import { expect, it } from "vitest";
import { outcomeOf } from "../src/outcome.js";

it("believes a complete search without errors", () => {
  expect(outcomeOf(printed())).toEqual({ result: "holds", states: 872_278 });
});

it.each([
  "error: max search depth too small",
  "pan: out of memory",
  "Warning: Search not completed",
  "pan: reached -DMEMLIM bound\n\t...memory limit of 1800 Mbyte",
])("shows nothing by a search that says %j", (words) => {
  expect(outcomeOf(`${words}\n${printed()}`).result).toBe("unknown");
});

it("shows nothing by a search of a part of the states", () => {
  const part = printed().replace("Full statespace", "Bit statespace");
  expect(outcomeOf(part).result).toBe("unknown");
});

it("shows nothing by what it does not understand", () => {
  expect(outcomeOf("")).toEqual({ result: "unknown", reason: "it said nothing" });
  expect(outcomeOf("sh: pan: not found")).toEqual({ result: "unknown", reason: "sh: pan: not found" });
  const strange = outcomeOf(`pan:1: something else (at depth 3)\n${printed(1)}`);
  expect(strange).toEqual({ result: "violated", states: 872_278, property: "unknown", steps: 3 });
});

it.each([
  ["assertion violated  !(over)", "over"],
  ["assertion violated  !(twice)", "twice"],
  ["assertion violated  !(broken)", "broken"],
  ["assertion violated  !(slow)", "slow"],
  ["acceptance cycle", "served"],
  ["invalid end state", "stuck"],
])("takes %j for a violation of %s", (violation, property) => {
  const found = outcomeOf(`pan:1: ${violation} (at depth 37)\n${printed(1)}`);
  expect(found).toEqual({ result: "violated", states: 872_278, property, steps: 37 });
});

/** As the verifier ends. */
function printed(errors = 0): string {
  return [
    "Full statespace search for:",
    "\tassertion violations\t+",
    `State-vector 108 byte, depth reached 86119, errors: ${errors}`,
    "   872278 states, stored",
    "  9293962 transitions (= stored+matched)",
  ].join("\n");
}
