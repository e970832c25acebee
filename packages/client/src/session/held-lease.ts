import type { AcquireRequest, LossReason, RenewResult } from "@sluice/core";
import type { ClaimedLease } from "../shapes/session.js";
import type { Session } from "./session.js";
import type { Stakes } from "./stakes.js";

/** What a lease's holder wants to hear of it. */
export interface LeaseListener {
  readonly onLost?: AcquireRequest["onLost"] | undefined;
  readonly onRenewed?: AcquireRequest["onRenewed"] | undefined;
}

/** A lease that a sidecar renews for us, and until when it may be believed. */
export class HeldLease {
  /** What it is claimed by. */
  readonly claim: ClaimedLease;
  /** Where it is renewed; undefined once that session has ended, until the lease is claimed in another one. */
  session: Session | undefined;
  /** Who has been asked for it, and has not answered. */
  claimedBy: object | undefined;
  readonly #listener: LeaseListener;
  #confirmedUntil: number;
  /** Sessions that have ended, the sidecar of each of which may give it back in time, unless it is claimed before. */
  #former: readonly Session[] = [];
  #awaiting: ((result: RenewResult) => void)[] = [];

  constructor(
    claim: ClaimedLease,
    confirmedUntil: number,
    session: Session | undefined,
    listener: LeaseListener,
  ) {
    this.claim = claim;
    this.#confirmedUntil = confirmedUntil;
    this.session = session;
    this.#listener = listener;
  }

  /** Until when every sidecar keeps it that had it in a session which has ended; Infinity where nobody would give it back. */
  get keptUntil(): number {
    return Math.min(...this.#former.map((session) => session.keptUntil));
  }

  /** No longer than the store has confirmed it, nor than it is kept. */
  get believedUntil(): number {
    return Math.min(this.#confirmedUntil, this.keptUntil);
  }

  /** The store has confirmed it until then; what was confirmed before stays so. */
  confirm(until: number): void {
    if (until <= this.#confirmedUntil) return;
    this.#confirmedUntil = until;
    this.#tell();
  }

  /** The session has ended that renewed it, or that may have taken its claim without our hearing of it. */
  castOff(session: Session): void {
    this.session = undefined;
    this.#former = [...this.#former, session];
    this.#tell();
  }

  /** Sidecars are gone, and give nothing back any more: without them it ends as the store has confirmed. */
  keptByStore(isGone: (session: Session) => boolean): void {
    const former = this.#former.filter((session) => !isGone(session));
    if (former.length === this.#former.length) return;
    this.#former = former;
    this.#tell();
  }

  /** It is somebody's again: a session's, or, where that is undefined, its holder's own to renew. */
  settle(session: Session | undefined, until: number): void {
    this.session = session;
    this.#former = [];
    this.#confirmedUntil = Math.max(this.#confirmedUntil, until);
    this.#tell();
    this.#answer(this.renewed);
  }

  /** It has ended, and its holder is told. */
  lose(reason: LossReason): void {
    this.#listener.onLost?.(reason);
    this.#answer({ lease: this.claim.lease, renewed: false, reason });
  }

  /** Its holder has released it. */
  letGo(): void {
    this.#answer({ lease: this.claim.lease, renewed: false, reason: "lapsed" });
  }

  /** What it has at stake in whoever renews it, or has been asked to. */
  get stakes(): Stakes {
    return {
      shortestLeaseMs: this.claim.leaseMs ?? Number.POSITIVE_INFINITY,
      believedUntil: this.believedUntil,
    };
  }

  get renewed(): RenewResult {
    return { lease: this.claim.lease, renewed: true, validUntil: this.believedUntil };
  }

  /** Resolves when it is known whether it goes on. */
  settled(): Promise<RenewResult> {
    return new Promise((resolve) => this.#awaiting.push(resolve));
  }

  #tell(): void {
    this.#listener.onRenewed?.(this.believedUntil);
  }

  #answer(result: RenewResult): void {
    const awaiting = this.#awaiting;
    this.#awaiting = [];
    for (const resolve of awaiting) resolve(result);
  }
}
