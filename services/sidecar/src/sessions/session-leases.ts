import type { LossReason } from "@sluice/core";
import type { Custody, KeptForOwner, Owner } from "../leases/custody.js";
import type { Channel } from "./channel.js";
import type { Ending } from "./ending.js";
import { LOOPBACK_GRACE_MS } from "./grace.js";

/** The leases of one session: what its client is told of them, and what becomes of them when the session ends. */
export class SessionLeases implements Owner {
  readonly #custody: Custody;
  readonly #channel: Channel;
  readonly #isLoopback: boolean;
  readonly #leases = new Set<KeptForOwner>();
  #telling = false;
  /** Until when the client has been told that all are valid. */
  #toldUntil = 0;
  #ending: Ending | undefined;

  constructor(custody: Custody, channel: Channel, isLoopback: boolean) {
    this.#custody = custody;
    this.#channel = channel;
    this.#isLoopback = isLoopback;
  }

  get size(): number {
    return this.#leases.size;
  }

  add(lease: KeptForOwner): void {
    this.#leases.add(lease);
    // What was told before was said of the others alone.
    this.#toldUntil = Math.min(this.#toldUntil, lease.validUntil);
    if (this.#ending !== undefined) this.#leave(lease, this.#ending);
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
    this.#leases.delete(lease);
    this.#channel.tell({ event: "lost", semaphore: lease.semaphore, lease: lease.id, reason });
  }

  /** The lease is another's, or nobody's, from now on. */
  moved(lease: KeptForOwner): void {
    this.#leases.delete(lease);
  }

  end(ending: Ending): void {
    if (this.#ending !== undefined) return;
    this.#ending = ending;
    for (const lease of this.#leases) this.#leave(lease, ending);
  }

  #leave(lease: KeptForOwner, ending: Ending): void {
    switch (ending) {
      case "goodbye":
        void this.#giveBack(lease);
        break;
      case "lapse":
      case "restart":
        this.#custody.forget(lease);
        this.#leases.delete(lease);
        break;
      case "lost":
        this.#giveBackAfter(lease, this.#isLoopback ? LOOPBACK_GRACE_MS : lease.leaseMs);
        break;
      case "cut":
        // Whatever its client was told, it ends no later than this: the store confirms nothing for longer.
        this.#giveBackAfter(lease, lease.leaseMs);
    }
  }

  #giveBackAfter(lease: KeptForOwner, graceMs: number): void {
    setTimeout(() => this.#giveBack(lease), graceMs).unref();
  }

  /** Unless somebody has claimed it, or it has ended meanwhile. */
  async #giveBack(lease: KeptForOwner): Promise<void> {
    if (this.#leases.delete(lease)) await this.#custody.giveBack(lease);
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
