import { setTimeout as sleep } from "node:timers/promises";
import { dateSetOff, monotonicMs } from "@sluice/testkit";
import { between, type Fault, type Job, leaseMs, mixedCrew } from "../fault.js";

const hourMs = 3_600_000;
const anHourOff: Job = {
  options: (random) => ({ execArgv: dateSetOff(random() < 0.5 ? hourMs : -hourMs) }),
};

export const faultsOfClocks: readonly Fault[] = [
  {
    name: "clocks of clients are an hour off, ahead and behind",
    promise: "kept",
    idleMs: leaseMs,
    stage: { crew: [anHourOff, anHourOff, anHourOff, {}] },
    async inflict() {
      await sleep(leaseMs);
      return {};
    },
  },
  {
    name: "Redis's clock jumps back",
    promise: "kept",
    idleMs: leaseMs,
    needs: "faketime",
    stage: { crew: mixedCrew, clock: true },
    async inflict({ clock, random }) {
      for (let jump = 0; jump < 3; jump++) {
        clock.jump(-between(random, [1, 20 * leaseMs]));
        await sleep(between(random, [0, 0.5 * leaseMs]));
      }
      return {};
    },
  },
  {
    name: "Redis's clock jumps forward",
    promise: "regained",
    idleMs: leaseMs,
    // By that clock all who wait have been silent for long.
    order: false,
    needs: "faketime",
    stage: { crew: mixedCrew, clock: true },
    async inflict({ clock, random }) {
      clock.jump(between(random, [0.2 * leaseMs, 20 * leaseMs]));
      return { regainFrom: monotonicMs() };
    },
  },
];
