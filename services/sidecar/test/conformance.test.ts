import { sidecarStore } from "@sluice/client";
import type { Store } from "@sluice/core";
import { memoryStore } from "@sluice/core/memory";
import { redisStore } from "@sluice/core/redis";
import { type RedisServer, startRedis } from "@sluice/testkit";
import { storeConformance } from "@sluice/testkit/conformance";
import { afterAll, beforeAll } from "vitest";
import { startTestSidecar } from "./sidecars.js";

const ownNonces = "every request is an attempt of its own, which the sidecar names";
const noLapse = "the sidecar renews what a session holds: nothing lapses while that lives";
const byRenewal = "plain HTTP learns of a loss from the next renewal";

const eitherWay = {
  "releases for an attempt only what belongs to it": ownNonces,
  "gives what crosses the asking to the attempt that asked last": ownNonces,
  "does not undo what another client has taken over": ownNonces,
  "gives a claimed lease to the attempt that claimed it": ownNonces,
};

const inSessions = {
  ...eitherWay,
  "lets a lease lapse that nobody renews, and no sooner than its holder stops believing": noLapse,
  "grants the permits of a lapsed lease to one who does not wait": noLapse,
  "keeps a lease that is renewed in time": noLapse,
  "does not bring a lapsed lease back": noLapse,
  "gives the permits of a lapsed lease to a waiter of another client, and not too soon": noLapse,
};

const overPlainHttp = {
  ...eitherWay,
  "takes the acquires of one process in call order": "requests travel over connections of their own",
  "tells the holder once that its lease was revoked": byRenewal,
  "tells a holder that had to wait for its lease": byRenewal,
  "tells a holder at one client of a revocation by another": byRenewal,
  "tells whoever claimed a lease that it was revoked": byRenewal,
  "tells a client of the revocation of a lease that it claimed from another": byRenewal,
};

async function clientOf(store: Store, session: boolean) {
  const sidecar = await startTestSidecar({ store });
  return {
    store: sidecarStore(sidecar.url, { session }),
    another: async () => sidecarStore(sidecar.url, { session }),
    dispose: () => sidecar.close(),
  };
}

storeConformance("a sidecar over memory", () => clientOf(memoryStore(), true), { skip: inSessions });
storeConformance("a sidecar over memory, by plain HTTP", () => clientOf(memoryStore(), false), {
  skip: overPlainHttp,
});

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
    return clientOf(redisStore(redis.url, { prefix: `test-${counts}`, assumeFresh: true }), true);
  },
  { skip: inSessions },
);
