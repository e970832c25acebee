import { expect, it } from "vitest";
import { consequenceOf } from "../src/semaphore/resize-question.js";
import { statusOf } from "./statuses.js";

const busy = statusOf("a", { limit: 10, inUse: 8, waiting: 2 });

it.each([
  ["", /^A whole number/],
  ["1.5", /^A whole number/],
  ["-1", /^A whole number/],
  ["0", /^0 pauses/],
  ["3", /not revoked: nothing is granted until.*fail at once/],
  ["9", /^Leases are not revoked\. Waiters.*fail at once/],
  ["10", /^That is the limit already/],
  ["11", /^Waiters get/],
])("before a limit of %o is set, it is told what that does", (typed, consequence) => {
  expect(consequenceOf(typed, busy)).toMatch(consequence);
});

it("where nobody waits, nobody gets the new permits at once", () => {
  expect(consequenceOf("11", statusOf("a", { limit: 10 }))).toBe("More can be granted at once.");
});
