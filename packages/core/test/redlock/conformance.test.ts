import type { RedisServer } from "@sluice/testkit";
import { storeConformance } from "@sluice/testkit/conformance";
import { afterAll, beforeAll } from "vitest";
import { freshStore, startMasters, stopMasters } from "./masters.js";

let masters: RedisServer[];
let prefixes = 0;

beforeAll(async () => {
  masters = await startMasters();
});

afterAll(() => stopMasters(masters));

storeConformance("the redlock store", async () => {
  prefixes += 1;
  const prefix = `test${prefixes}`;
  const store = freshStore(masters, { prefix });
  return { store, another: async () => freshStore(masters, { prefix }), dispose: async () => {} };
});
