import { expect, test } from "vitest";
import { HeldLease } from "../src/session/held-lease.js";
import { Holding } from "../src/session/holding.js";

test("a lease that is granted anew settles who waits for the former one of its name", async () => {
  const holding = new Holding(() => {});
  const believed = performance.now() + 10_000;
  const lease = () => new HeldLease({ semaphore: "s", lease: "l", leaseMs: 10_000 }, believed, undefined, {});
  const former = lease();
  holding.add(former);
  const settled = former.settled();
  holding.add(lease());
  expect(await settled).toEqual({ lease: "l", renewed: false, reason: "lapsed" });
  holding.close();
});
