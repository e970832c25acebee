import { expect, it } from "vitest";
import { storeConformance } from "../src/conformance/index.js";

const create = () => Promise.reject(new Error("not called"));

it("refuses to skip what is no test of the suite", () => {
  const skip = { "grants a free permit at onc": "misspelt" };
  expect(() => storeConformance("x", create, { skip })).toThrow('named ["grants a free permit at onc"]');
});
