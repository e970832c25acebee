import { setTimeout as sleep } from "node:timers/promises";
import type { CutProxy } from "@sluice/testkit";
import { between, type Cause, type Fault, leaseMs } from "../fault.js";
import { during } from "../outage.js";
import type { World } from "../world.js";

/** Longer than a lease. */
const longMs = [1.3 * leaseMs, 2 * leaseMs] as const;

export const faultsOfTheNetwork: readonly Fault[] = [
  {
    name: "connections are cut after a command was executed, before its reply",
    promise: "kept",
    idleMs: leaseMs,
    order: false,
    stage: { front: true },
    inflict: (world) =>
      whileFailing(world, ({ random, front }) => {
        front.onRequest = ({ command }) => (command === "EVALSHA" && random() < 0.05 ? "cut-after" : "pass");
      }),
  },
  {
    name: "connections are cut before a command is executed",
    promise: "kept",
    idleMs: leaseMs,
    order: false,
    stage: { front: true },
    inflict: (world) =>
      whileFailing(world, ({ random, front }) => {
        front.onRequest = ({ command }) => (command === "EVALSHA" && random() < 0.05 ? "cut-before" : "pass");
      }),
  },
  {
    name: "pushes are lost",
    promise: "kept",
    idleMs: leaseMs,
    stage: { front: true },
    inflict: (world) =>
      whileFailing(world, ({ random, front }) => {
        front.onPush = () => (random() < 0.3 ? "swallow" : "pass");
      }),
  },
  {
    name: "nothing reaches Redis for longer than a lease, and then all of it late",
    promise: "kept",
    idleMs: leaseMs,
    order: false,
    stage: { front: true },
    inflict: (world) => whileFailing(world, ({ front }) => front.blackhole("toServer")),
  },
  {
    name: "nothing comes back from Redis for longer than a lease, and then all of it late",
    promise: "kept",
    idleMs: leaseMs,
    order: false,
    stage: { front: true },
    inflict: (world) => whileFailing(world, ({ front }) => front.blackhole("toClient")),
  },
  {
    name: "the network is slow: a fifth of a lease each way",
    promise: "kept",
    idleMs: leaseMs,
    order: false,
    stage: { front: true },
    inflict: (world) =>
      whileFailing(world, ({ random, front }) => {
        front.delay("toServer", between(random, [0.02 * leaseMs, 0.2 * leaseMs]));
        front.delay("toClient", between(random, [0.02 * leaseMs, 0.2 * leaseMs]));
      }),
  },
  {
    name: "the network drips: a few bytes at a time",
    promise: "kept",
    idleMs: leaseMs,
    order: false,
    stage: { front: true },
    inflict: (world) =>
      whileFailing(world, ({ random, front }) => {
        front.drip("toServer", { bytes: between(random, [16, 256]), everyMs: between(random, [1, 10]) });
        front.drip("toClient", { bytes: between(random, [16, 256]), everyMs: between(random, [1, 10]) });
      }),
  },
];

async function whileFailing(
  world: World,
  fail: (network: { random: () => number; front: CutProxy }) => void,
): Promise<Cause> {
  const { random, front } = world;
  return during(async () => {
    fail({ random, front });
    await sleep(between(random, longMs));
    front.onRequest = () => "pass";
    front.onPush = () => "pass";
    front.heal();
  });
}
