import { describe, expect, it } from "vitest";
import { mutantsOf, withoutThresholds } from "./promql.js";

describe("an expression without its thresholds", () => {
  it("has every comparison as a number", () => {
    expect(withoutThresholds("a > 1 and b == 0 and on (x) (c > 2)")).toEqual([
      "((a > bool 1) and (b == bool 0)) and on (x) (c > bool 2)",
    ]);
  });

  it("is asked for each side of what may stand alone", () => {
    expect(withoutThresholds("((a > 1) or b) unless on (x) c <= 3")).toEqual([
      "a > bool 1",
      "b",
      "c <= bool 3",
    ]);
    expect(withoutThresholds("a and (b or c > 1)")).toEqual(["(a) and (b)", "(a) and (c > bool 1)"]);
  });

  it("is none where it is no PromQL", () => {
    expect(() => withoutThresholds("rate(a[5m)")).toThrow("no PromQL");
  });
});

describe("the mutants of an expression", () => {
  it("each leave out one condition", () => {
    expect(mutantsOf("max(a) > 1 and (b or c)")).toEqual([
      { without: "and (b or c)", expr: "(max(a) > 1)" },
      { without: "the comparison in max(a) > 1", expr: "(max(a)) and (b or c)" },
      { without: "c", expr: "max(a) > 1 and ((b))" },
      { without: "b", expr: "max(a) > 1 and ((c))" },
    ]);
  });
});
