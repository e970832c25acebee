import { expect, test } from "vitest";
import { newLeaseId } from "../../src/ids.js";
import type { AcquireRequest } from "../../src/store.js";
import { Lane } from "../../src/stores/redis/lane.js";
import type { Link } from "../../src/stores/redis/link.js";
import { knowledge } from "../../src/stores/redis/wire.js";

const leaseMs = 1_000;
const serverNow = 1_700_000_000_000;

/** A server that queues the first acquire it is asked for. */
class QueueingLink implements Link {
  readonly process = "process";
  readonly up = true;
  readonly away = false;
  readonly cause = undefined;
  readonly refusal = undefined;
  readonly incarnation = "life";
  readonly assumesFresh = false;
  readonly knownForMs = 0;

  async apply(): Promise<string> {
    return `[${serverNow},0,1,${leaseMs},10,0,1,0,0,[0,[0,1]],0]`;
  }

  observed(): void {}
  reset(): void {}
}

test("a grant that is pushed after the server's clock has jumped forward is believed for its time at most", async () => {
  const lane = new Lane({
    connection: new QueueingLink(),
    prefix: "test",
    semaphore: "api",
    maxLeaseMs: leaseMs,
    holder: "test",
    nextBatch: () => 1,
    knowledge: () => knowledge.none,
    remembered: undefined,
    seen: () => {},
    recovers: () => {},
  });
  const request: AcquireRequest = {
    semaphore: "api",
    lease: newLeaseId(),
    attempt: "",
    fingerprint: "",
    permits: 1,
    priority: 0,
    waitMs: 1_000,
    leaseMs: undefined,
    holder: "test",
    create: { limit: 1, leaseMs, maxWaiters: 10 },
  };
  const acquiring = lane.acquire(request, undefined);
  await new Promise(setImmediate);
  lane.pushed({
    semaphore: "api",
    incarnation: "life",
    now: serverNow + 20_000,
    fenceBase: serverNow * 1_000,
    leaseMs,
    limit: 1,
    notices: { grants: [[request.lease, 1]], misfits: [], revoked: [], removed: false },
  });
  const granted = await acquiring;
  if (granted.outcome !== "granted") throw new Error(`not granted, but ${granted.outcome}`);
  expect(granted.validUntil).toBeLessThanOrEqual(performance.now() + leaseMs);
  lane.end(new Error("the test is over"));
});
