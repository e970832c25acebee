import type { Direction } from "./fates.js";

/** How much may pass at once, and how soon the next piece follows. */
export interface Drip {
  readonly bytes: number;
  readonly everyMs: number;
}

/** What a lane looks up whenever it may deliver. */
export interface LaneConditions {
  delayMs: number;
  blackholed: boolean;
  drip: Drip | undefined;
}

/** How a network behaves at the moment, each way. */
export class NetworkConditions implements Record<Direction, LaneConditions> {
  readonly toServer: LaneConditions = good();
  readonly toClient: LaneConditions = good();

  heal(): void {
    for (const lane of [this.toServer, this.toClient]) Object.assign(lane, good());
  }
}

function good(): LaneConditions {
  return { delayMs: 0, blackholed: false, drip: undefined };
}
