import { sidecarStore } from "@sluice/client";
import type { Store } from "@sluice/core";
import { memoryStore } from "@sluice/core/memory";
import { redisStore } from "@sluice/core/redis";
import { type RedisServer, startRedis } from "@sluice/testkit";
import { storeConformance } from "@sluice/testkit/conformance";
import { afterAll, beforeAll } from "vitest";
import { startTestSidecar } from "./sidecars.js";

const byRenewal = "plain HTTP learns of a loss from the next renewal";
const ownNonces = "over HTTP every request is an attempt of its own, which the sidecar names";

const skip = {
  "takes the acquires of one process in call order": "requests travel over connections of their own",
  "tells the holder once that its lease was revoked": byRenewal,
  "tells a holder that had to wait for its lease": byRenewal,
  "tells a holder at one client of a revocation by another": byRenewal,
  "releases for an attempt only what belongs to it": ownNonces,
  "gives what crosses the asking to the attempt that asked last": ownNonces,
  "does not undo what another client has taken over": ownNonces,
};

async function clientOf(store: Store) {
  const sidecar = await startTestSidecar({ store });
  return {
    store: sidecarStore(sidecar.url),
    another: async () => sidecarStore(sidecar.url),
    dispose: () => sidecar.close(),
  };
}

storeConformance("a sidecar over memory", () => clientOf(memoryStore()), { skip });

let redis: RedisServer;
let counts = 0;

beforeAll(async () => {
  redis = await startRedis();
});

afterAll(() => redis.stop());

storeConformance(
  "a sidecar over Redis",
  () => {
    counts += 1;
    return clientOf(redisStore(redis.url, { prefix: `test-${counts}`, assumeFresh: true }));
  },
  { skip },
);
