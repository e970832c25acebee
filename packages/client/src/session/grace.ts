import { bounds } from "@sluice/core";
import type { SessionEvent } from "../shapes/session.js";
import { closeCodes } from "../subprotocol.js";
import type { End } from "./socket.js";

/** Belief ends so long before the sidecar's patience does: a timer may be late, and so may the word of the end. */
const MARGIN_MS = 5;

/** What a sidecar has said at the start of a session about the leases that outlive its connection. */
export class Grace {
  readonly #graceMs: number;
  readonly #sidecar: string | undefined;

  constructor({ graceMs, sidecar }: Pick<SessionEvent, "graceMs" | "sidecar">) {
    this.#graceMs = graceMs;
    this.#sidecar = sidecar;
  }

  /** Until when the sidecar keeps them after this end, which comes now; Infinity where it leaves them to the store. */
  keptUntil(end: End): number {
    if (end.how === "closed" && end.code === closeCodes.restart) return Number.POSITIVE_INFINITY;
    return performance.now() + this.#graceMs - MARGIN_MS;
  }

  /**
   * Whether the session's connection led to the sidecar itself, over loopback. A sidecar that finds at its own end what
   * we have told of ours grants a grace that is shorter than any lease; where something stands in between, a tunnel on
   * this host too, it grants the time of a whole one.
   *
   * Only then does our finding its port deserted, or in other hands, prove that it has ended, and gives back nothing
   * any more: a tunnel that ended would look the same, while the sidecar behind it counts down.
   */
  get isDirect(): boolean {
    return this.#graceMs < bounds.leaseMs.min;
  }

  /** Whether the sidecar has ended, now that the one with the grace `next` answers in its place. */
  isOver(next: Grace): boolean {
    if (!this.isDirect || !next.isDirect) return false;
    return this.#sidecar !== undefined && next.#sidecar !== undefined && this.#sidecar !== next.#sidecar;
  }
}
