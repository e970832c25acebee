import type { Socket } from "node:net";

interface Parcel {
  readonly dueAt: number;
  /** Undefined: the end of the stream. */
  readonly bytes: Buffer | undefined;
}

/** The faults of a direction that a lane looks up whenever it may deliver. */
export interface LaneConditions {
  delayMs: number;
  blackholed: boolean;
}

/**
 * One direction of a proxied connection. Bytes arrive in order, however long they were delayed; what a black hole
 * holds back is delivered when it ends, as TCP would.
 */
export class Lane {
  readonly #to: Socket;
  readonly #conditions: LaneConditions;
  readonly #parcels: Parcel[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(to: Socket, conditions: LaneConditions) {
    this.#to = to;
    this.#conditions = conditions;
  }

  send(bytes: Buffer): void {
    this.#queue(bytes);
  }

  /** Ends the stream behind all that was sent. */
  end(): void {
    this.#queue(undefined);
  }

  /** Delivers what is due. Called again when a black hole ends. */
  deliver(): void {
    clearTimeout(this.#timer);
    for (;;) {
      const next = this.#parcels[0];
      if (!next || this.#conditions.blackholed) return;
      const waitMs = next.dueAt - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.deliver(), waitMs);
        return;
      }
      this.#parcels.shift();
      if (next.bytes) this.#to.write(next.bytes);
      else this.#to.end();
    }
  }

  /** Forgets what was not delivered. */
  drop(): void {
    clearTimeout(this.#timer);
    this.#parcels.length = 0;
  }

  #queue(bytes: Buffer | undefined): void {
    const { delayMs } = this.#conditions;
    this.#parcels.push({ bytes, dueAt: delayMs === 0 ? 0 : performance.now() + delayMs });
    if (this.#parcels.length === 1) this.deliver();
  }
}
