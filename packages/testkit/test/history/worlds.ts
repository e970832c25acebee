import fc from "fast-check";
import type { World } from "./generated.js";

/** Small fleets under small limits, each with a seed of its own. */
export const worlds: fc.Arbitrary<World> = fc.record({
  seed: fc.nat(),
  limit: fc.integer({ min: 1, max: 5 }),
  processes: fc.integer({ min: 1, max: 4 }),
  calls: fc.integer({ min: 1, max: 40 }),
  kills: fc.boolean(),
});
