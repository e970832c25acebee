import { openBottleneck } from "./bottleneck.js";
import type { OpenContender } from "./contender.js";
import { openFloor } from "./floor.js";
import { openRedisSemaphore } from "./redis-semaphore.js";
import { openSluice } from "./sluice.js";

export type { Contender, OpenContender } from "./contender.js";

/** Those that limit something; the floor does not. */
export const limiters = {
  sluice: openSluice,
  "redis-semaphore": openRedisSemaphore,
  bottleneck: openBottleneck,
} as const satisfies Record<string, OpenContender>;

export type LimiterName = keyof typeof limiters;

export const limiterNames = Object.keys(limiters) as LimiterName[];

export { openFloor };
