import { type RedisCluster, startCluster } from "@sluice/testkit";
import { storeConformance } from "@sluice/testkit/conformance";
import { afterAll, beforeAll } from "vitest";
import { freshStore } from "./fresh-store.js";

let cluster: RedisCluster;
let prefixes = 0;

beforeAll(async () => {
  cluster = await startCluster({ replicas: 0 });
}, 60_000);

afterAll(() => cluster.stop());

storeConformance("the Redis store on a Cluster", async () => {
  prefixes += 1;
  const prefix = `test${prefixes}`;
  const store = freshStore(cluster.url, { prefix });
  return { store, another: async () => freshStore(cluster.url, { prefix }), dispose: async () => {} };
});
