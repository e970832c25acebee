import { setTimeout as sleep } from "node:timers/promises";
import { type Fault, leaseMs } from "../fault.js";

export const faultsOfVersions: readonly Fault[] = [
  {
    name: "two versions of the scripts run side by side, and one replaces the other",
    promise: "kept",
    idleMs: leaseMs,
    stage: { crew: [{}, {}, { otherScripts: true }] },
    async inflict(world) {
      for (const old of world.workers.slice(0, 2)) {
        await world.hire({ otherScripts: true });
        await world.dismiss(old);
      }
      await sleep(0.5 * leaseMs);
      return {};
    },
  },
];
