import { describe, expect, it } from "vitest";
import { sidecarStore } from "../src/index.js";

describe("the options of a store over HTTP", () => {
  it.each([
    ["url", "localhost:7077", {}],
    ["url", "ftp://localhost", {}],
    ["maxLeaseMs", "http://localhost", { maxLeaseMs: 0 }],
    ["answerMs", "http://localhost", { answerMs: 1.5 }],
    ["token", "http://localhost", { token: "two words" }],
    ["token", "http://localhost", { token: "" }],
  ])("are refused where %s is bad", (argument, url, options) => {
    const refusal = { code: "INVALID_ARGUMENT", argument };
    expect(() => sidecarStore(url, options)).toThrow(expect.objectContaining(refusal));
  });

  it("do not repeat a token that is refused", () => {
    expect(() => sidecarStore("http://localhost", { token: "secret words" })).toThrow(
      /^token must be(?!.*secret)/,
    );
  });
});
