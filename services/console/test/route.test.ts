import { namePattern } from "@sluice/core";
import { expect, it } from "vitest";
import { addressOf, routeOf, semaphoreName } from "../src/shell/route.js";

it("an address leads to the semaphore that it was made for", () => {
  for (const name of ["openai", "eu:chat.v2_a-b", "100%", "a/b?c#d", "ü"]) {
    expect(routeOf(addressOf(name))).toEqual({ page: "semaphore", name });
  }
});

it("whatever is no page leads to all semaphores", () => {
  for (const hash of ["", "#", "#/", "#/semaphores/", "#/semaphores/%E0%A4%A", "#/leases/a"]) {
    expect(routeOf(hash), hash).toEqual({ page: "semaphores" });
  }
});

it("the page takes the same for a name as every store", () => {
  expect(semaphoreName).toEqual(namePattern);
});
