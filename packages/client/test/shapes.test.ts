import * as core from "@sluice/core";
import { describe, expect, it } from "vitest";
import * as shapes from "../src/shapes.js";

describe("the shapes of the HTTP face", () => {
  it("have a code for every error of the core", () => {
    const errors = [
      new core.AcquireAbortedError("a"),
      new core.AcquireTimeoutError("a", 1, 1),
      new core.InvalidArgumentError("a", "b", 1),
      new core.LeaseLostError("a", "b", "lapsed"),
      new core.PermitsExceedLimitError("a", 2, 1),
      new core.QueueFullError("a", 1),
      new core.RecoveringError("a", 1),
      new core.SemaphoreInUseError("a"),
      new core.SemaphoreUnknownError("a"),
      new core.StoreIncompatibleError("a"),
      new core.StoreUnavailableError("a"),
    ];
    const classes = Object.values(core).filter((value) =>
      Object.prototype.isPrototypeOf.call(core.SluiceError, value),
    );
    expect(errors).toHaveLength(classes.length);
    for (const { code } of errors) expect(shapes.problemCodes).toContain(code);
  });

  it("fill in what an acquire leaves out", () => {
    expect(shapes.acquireBody.parse({})).toEqual({ permits: 1, waitMs: 0, priority: 0 });
  });

  it("read page sizes from text, and leave them out where they are left out", () => {
    expect(shapes.pageQuery.parse({ pageSize: "250", cursor: "abc" })).toEqual({
      pageSize: 250,
      cursor: "abc",
    });
    expect(shapes.pageQuery.parse({})).toEqual({});
    for (const pageSize of ["0", "1001", "1e2", "-1", " 5", ""]) {
      expect(shapes.pageQuery.safeParse({ pageSize }).success, pageSize).toBe(false);
    }
  });

  it("ignore what a later release adds to an answer", () => {
    expect(shapes.releaseAnswer.parse({ released: true, later: 1 })).toEqual({ released: true });
  });
});
