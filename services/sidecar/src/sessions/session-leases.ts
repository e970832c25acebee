import type { LossReason } from "@sluice/core";
import type { Custody, KeptForOwner, Owner } from "../leases/custody.js";
import type { Channel } from "./channel.js";
import type { Ending } from "./ending.js";

/** The leases of one session: what its client is told of them, and what becomes of them when the session ends. */
export class SessionLeases implements Owner {
  readonly #custody: Custody;
  readonly #channel: Channel;
  readonly #isLoopback: boolean;
  readonly #leases = new Set<KeptForOwner>();
  /** Whether all are of one length. */
  #areAlike = true;
  #telling = false;
  /** Until when the client has been told that all are valid. */
  #toldUntil = 0;
  #ending: Ending | undefined;
  #silentMs = 0;

  constructor(custody: Custody, channel: Channel, isLoopback: boolean) {
    this.#custody = custody;
    this.#channel = channel;
    this.#isLoopback = isLoopback;
  }

  get size(): number {
    return this.#leases.size;
  }

  add(lease: KeptForOwner): void {
    if (this.#ending !== undefined) {
      // Its client does not hear of it here, and may have it elsewhere by now.
      this.#custody.forget(lease);
      return;
    }
    const [other] = this.#leases;
    if (other === undefined) this.#areAlike = true;
    else if (other.leaseMs !== lease.leaseMs) this.#areAlike = false;
    this.#leases.add(lease);
    // What was told before was said of the others alone.
    this.#toldUntil = Math.min(this.#toldUntil, lease.validUntil);
  }

  /** Renewals of many leases come in one turn of the loop, and are told at once. */
  renewed(): void {
    if (this.#telling) return;
    this.#telling = true;
    setImmediate(() => {
      this.#telling = false;
      this.#tellValid();
    });
  }

  lost(lease: KeptForOwner, reason: LossReason): void {
    this.dropped(lease);
    this.#channel.tell({ event: "lost", semaphore: lease.semaphore, lease: lease.id, reason });
  }

  dropped(lease: KeptForOwner): void {
    this.#leases.delete(lease);
    // Without a short one the others are known to be valid for longer.
    if (!this.#areAlike) this.renewed();
  }

  /** @param silentMs for how long its client has certainly been told nothing */
  end(ending: Ending, silentMs = 0): void {
    if (this.#ending !== undefined) return;
    this.#ending = ending;
    this.#silentMs = silentMs;
    for (const lease of this.#leases) this.#leave(lease, ending);
  }

  #leave(lease: KeptForOwner, ending: Ending): void {
    switch (ending) {
      case "goodbye":
        void this.#custody.giveBack(lease);
        this.#leases.delete(lease);
        break;
      case "lapse":
      case "restart":
        this.#custody.forget(lease);
        this.#leases.delete(lease);
        break;
      case "lost":
      case "cut":
        this.#custody.leave(lease, {
          isLoopback: this.#isLoopback,
          wasCut: ending === "cut",
          silentMs: this.#silentMs,
        });
    }
  }

  /** Rounded so that `at + validForMs` is no later than what the store has confirmed. */
  #tellValid(): void {
    let until = Number.POSITIVE_INFINITY;
    for (const { validUntil } of this.#leases) until = Math.min(until, validUntil);
    const at = Math.floor(performance.now());
    const validForMs = Math.floor(until) - at;
    if (until === Number.POSITIVE_INFINITY || validForMs <= 0 || at + validForMs <= this.#toldUntil) return;
    this.#toldUntil = at + validForMs;
    this.#channel.tell({ event: "valid", at, validForMs });
  }
}
