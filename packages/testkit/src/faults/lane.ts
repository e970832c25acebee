import type { Socket } from "node:net";
import type { LaneConditions } from "./conditions.js";

interface Parcel {
  dueAt: number;
  /** Undefined: the end of the stream. */
  bytes: Buffer | undefined;
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

  /** Delivers what is due. Called again when the conditions get better. */
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
      this.#deliverSome(next);
    }
  }

  /** Forgets what was not delivered. */
  drop(): void {
    clearTimeout(this.#timer);
    this.#parcels.length = 0;
  }

  /** As much of the first parcel as may go at once; what is left of it is due a while later. */
  #deliverSome(parcel: Parcel): void {
    const { drip } = this.#conditions;
    if (parcel.bytes && drip && parcel.bytes.length > drip.bytes) {
      this.#to.write(parcel.bytes.subarray(0, drip.bytes));
      parcel.bytes = parcel.bytes.subarray(drip.bytes);
      parcel.dueAt = performance.now() + drip.everyMs;
      return;
    }
    this.#parcels.shift();
    if (parcel.bytes) this.#to.write(parcel.bytes);
    else this.#to.end();
    const next = this.#parcels[0];
    if (next && drip) next.dueAt = Math.max(next.dueAt, performance.now() + drip.everyMs);
  }

  #queue(bytes: Buffer | undefined): void {
    const { delayMs } = this.#conditions;
    this.#parcels.push({ bytes, dueAt: delayMs === 0 ? 0 : performance.now() + delayMs });
    if (this.#parcels.length === 1) this.deliver();
  }
}
