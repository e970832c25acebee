import { type Fault, leaseMs } from "../fault.js";

const waiters = 300;

export const faultsOfHosts: readonly Fault[] = [
  {
    name: "a host vanishes with hundreds of waiters",
    promise: "kept",
    idleMs: 2 * leaseMs,
    needs: "namespaces",
    stage: { host: true },
    async inflict(world) {
      const guest = await world.hire({ loops: waiters, away: true });
      await world.waiting(waiters);
      world.host.vanish();
      // Nothing of it comes back, and nobody waits for the end of what it was about.
      await guest.kill();
      return {};
    },
  },
];
