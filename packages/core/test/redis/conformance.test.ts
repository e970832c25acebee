import { type RedisServer, startRedis } from "@sluice/testkit";
import { storeConformance } from "@sluice/testkit/conformance";
import { afterAll, beforeAll } from "vitest";
import { freshStore } from "./fresh-store.js";

let server: RedisServer;
let prefixes = 0;

beforeAll(async () => {
  server = await startRedis();
});

afterAll(() => server.stop());

storeConformance("the Redis store", async () => {
  prefixes += 1;
  const prefix = `test${prefixes}`;
  const store = freshStore(server.url, { prefix });
  return { store, another: async () => freshStore(server.url, { prefix }), dispose: async () => {} };
});
