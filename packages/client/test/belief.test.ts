import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { believedUntil } from "../src/belief.js";

const ms = (max: number) => fc.double({ min: 0, max, noNaN: true });
/** Clocks run too fast or too slow by up to 0.05 %, which is as far as they are slewed. */
const rate = fc.double({ min: 0.9995, max: 1.0005, noNaN: true });

describe("the belief in a lease", () => {
  it("never outlives the lease, however long messages travel, callers wait, and clocks go astray", () => {
    const journey = fc.record({
      there: ms(5_000),
      waited: ms(300_000),
      leaseMs: ms(3_600_000),
      client: rate,
      sidecar: rate,
    });
    fc.assert(
      fc.property(journey, ({ there, waited, leaseMs, client, sidecar }) => {
        // True time starts with the sending. The sidecar's clock says how long it waited and how much is left.
        const answeredAt = there + waited;
        const endsAt = answeredAt + leaseMs;
        const waitedMs = Math.floor(waited * sidecar);
        const expiresInMs = Math.floor(leaseMs * sidecar);
        const sentAt = 1_000;
        const believedFor = (believedUntil(sentAt, waitedMs, expiresInMs) - sentAt) / client;
        expect(believedFor).toBeLessThanOrEqual(endsAt);
      }),
      { numRuns: 2_000 },
    );
  });

  it("gives away the way there, and little else", () => {
    // 22 ms of 10 s for drift.
    expect(believedUntil(0, 0, 10_000)).toBe(9_978);
    expect(believedUntil(500, 0, 10_000)).toBe(10_478);
    expect(believedUntil(0, 1_000, 1_000)).toBe(1_994);
  });
});
