import { setTimeout as sleep } from "node:timers/promises";
import { between, type Fault, type Job, leaseMs, mixedCrew, oneOf } from "../fault.js";

/** Two that hold all permits they can get for as long as they can, and three that wait for what is left. */
const holdersFirst: readonly Job[] = [{ loops: 2, workMs: [60_000, 60_000] }, {}, {}, {}];
/** Three that hold everything for a while, so that whoever comes then waits. */
const busyCrew: readonly Job[] = Array.from({ length: 3 }, () => ({ loops: 3, workMs: [300, 600] }));

/** Longer than a lease, and often so little that who goes by a wrong clock still believes in it. */
const longStopMs = [1.01 * leaseMs, 1.8 * leaseMs] as const;

export const faultsOfProcesses: readonly Fault[] = [
  {
    name: "a holder is killed",
    promise: "kept",
    idleMs: leaseMs,
    stage: { crew: holdersFirst },
    async inflict({ workers }) {
      await workers[0]?.kill();
      return {};
    },
  },
  {
    name: "a waiter is killed",
    promise: "kept",
    // What was handed to it before its silence was noticed comes back after a lease of its own.
    idleMs: 2 * leaseMs,
    stage: { crew: busyCrew },
    async inflict(world) {
      const loops = 10;
      const victim = await world.hire({ loops });
      await world.waiting(loops);
      await sleep(between(world.random, [0, 200]));
      await victim.kill();
      return {};
    },
  },
  {
    name: "a process that holds and waits is stopped for longer than a lease",
    promise: "kept",
    idleMs: 2 * leaseMs,
    stage: { crew: mixedCrew },
    async inflict({ random, workers }) {
      const victim = oneOf(random, workers);
      victim.pause();
      await sleep(between(random, longStopMs));
      victim.resume();
      return {};
    },
  },
  {
    name: "an event loop is blocked for longer than a lease",
    promise: "kept",
    idleMs: 2 * leaseMs,
    stage: { crew: mixedCrew },
    async inflict({ random, workers }) {
      const ms = between(random, longStopMs);
      oneOf(random, workers).block(ms);
      await sleep(ms);
      return {};
    },
  },
  {
    name: "all processes are killed but one",
    promise: "kept",
    idleMs: 2 * leaseMs,
    async inflict({ random, workers }) {
      const survivor = oneOf(random, workers);
      await Promise.all(workers.filter((worker) => worker !== survivor).map((worker) => worker.kill()));
      return {};
    },
  },
  {
    name: "a sidecar is killed, and starts again",
    promise: "kept",
    idleMs: 2 * leaseMs,
    // Over HTTP simultaneous acquires may change places.
    order: false,
    stage: { sidecars: 2 },
    async inflict({ random, sidecars }) {
      const victim = oneOf(random, sidecars);
      await victim.kill();
      await sleep(between(random, [0, 500]));
      await victim.start();
      return {};
    },
  },
  {
    name: "a sidecar is stopped for longer than a lease",
    promise: "kept",
    idleMs: 2 * leaseMs,
    order: false,
    stage: { sidecars: 2 },
    async inflict({ random, sidecars }) {
      const victim = oneOf(random, sidecars);
      victim.pause();
      await sleep(between(random, longStopMs));
      victim.resume();
      return {};
    },
  },
];
