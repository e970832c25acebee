import { Alarm, type LossReason } from "@sluice/core";
import { leaseKey } from "../lease-key.js";
import type { HeldLease } from "./held-lease.js";
import type { Session } from "./session.js";
import type { Stakes } from "./stakes.js";

/** Belief ends so long before the lease may: a timer is up to a millisecond late, and then the loop reads first. */
const EXPIRY_MARGIN_MS = 2;

/** The leases of a store that a sidecar renews, by the session that does so. */
export class Holding {
  readonly #leases = new Map<string, HeldLease>();
  readonly #bySession = new Map<Session, Set<HeldLease>>();
  readonly #adrift = new Set<HeldLease>();
  readonly #onGivenUp: (held: HeldLease) => void;
  readonly #alarm = new Alarm(() => setImmediate(() => this.#look()), { keepsAlive: false });

  /** @param onGivenUp called for each lease that was believed until its end, which the sidecar may still renew */
  constructor(onGivenUp: (held: HeldLease) => void) {
    this.#onGivenUp = onGivenUp;
  }

  /** Those whose session has ended. */
  get adrift(): readonly HeldLease[] {
    return [...this.#adrift];
  }

  get hasAdrift(): boolean {
    return this.#adrift.size > 0;
  }

  /** When the first of those must have been claimed that their sidecar gives back; Infinity where there are none. */
  get claimBy(): number {
    let by = Number.POSITIVE_INFINITY;
    for (const { keptUntil } of this.#adrift) by = Math.min(by, keptUntil);
    return by;
  }

  of(session: Session): readonly HeldLease[] {
    return [...(this.#bySession.get(session) ?? [])];
  }

  find(semaphore: string, lease: string): HeldLease | undefined {
    return this.#leases.get(leaseKey(semaphore, lease));
  }

  get isEmpty(): boolean {
    return this.#leases.size === 0;
  }

  /** Whether the lease is still held, and not another one of the same name. */
  has(held: HeldLease): boolean {
    return this.find(held.claim.semaphore, held.claim.lease) === held;
  }

  /** Adds a lease, in its session. */
  add(held: HeldLease): void {
    const { semaphore, lease } = held.claim;
    const former = this.find(semaphore, lease);
    if (former !== undefined) this.letGo(former);
    this.#leases.set(leaseKey(semaphore, lease), held);
    this.#enter(held);
  }

  /** Its holder has released it. */
  letGo(held: HeldLease): void {
    this.remove(held);
    held.letGo();
  }

  /** The lease is lost, or renewed by its holder from now on. */
  remove(held: HeldLease): void {
    if (this.has(held)) this.#leases.delete(leaseKey(held.claim.semaphore, held.claim.lease));
    this.#leave(held);
  }

  /** The lease was claimed: from now on this session renews it. */
  move(held: HeldLease, session: Session, until: number): void {
    this.#leave(held);
    held.settle(session, until);
    this.#enter(held);
  }

  confirm(session: Session, until: number): void {
    for (const held of this.#bySession.get(session) ?? []) held.confirm(until);
  }

  /** The session has ended. */
  ended(session: Session): void {
    for (const held of this.of(session)) this.castOff(held, session);
    this.#bySession.delete(session);
  }

  /** This session has ended, and its sidecar may give the lease back. */
  castOff(held: HeldLease, session: Session): void {
    this.#leave(held);
    held.castOff(session);
    this.#adrift.add(held);
    this.#lookAt(held.believedUntil - EXPIRY_MARGIN_MS);
  }

  /** The sidecars of those sessions, which have ended, are gone. */
  keptByStore(isGone: (session: Session) => boolean): void {
    for (const held of this.#adrift) held.keptByStore(isGone);
  }

  lose(held: HeldLease, reason: LossReason): void {
    this.remove(held);
    held.lose(reason);
  }

  /** Of the leases that it renews, and of those that it was asked to take over. */
  stakesIn(session: Session): Stakes {
    let shortestLeaseMs = Number.POSITIVE_INFINITY;
    let believedUntil = Number.POSITIVE_INFINITY;
    for (const held of this.#leases.values()) {
      if (held.session !== session && held.claimedBy !== session) continue;
      shortestLeaseMs = Math.min(shortestLeaseMs, held.stakes.shortestLeaseMs);
      believedUntil = Math.min(believedUntil, held.believedUntil);
    }
    return { shortestLeaseMs, believedUntil };
  }

  /** Nothing is judged any more. */
  close(): void {
    this.#alarm.clear();
    this.#leases.clear();
    this.#bySession.clear();
    this.#adrift.clear();
  }

  #enter(held: HeldLease): void {
    const { session } = held;
    if (session === undefined) return;
    const leases = this.#bySession.get(session);
    if (leases === undefined) this.#bySession.set(session, new Set([held]));
    else leases.add(held);
    session.watchFor(held.stakes);
    this.#lookAt(held.believedUntil - EXPIRY_MARGIN_MS);
  }

  #leave(held: HeldLease): void {
    this.#adrift.delete(held);
    if (held.session !== undefined) this.#bySession.get(held.session)?.delete(held);
  }

  /** What is confirmed only moves the moment further away, so most looks that are planned for one need not be moved. */
  #lookAt(at: number): void {
    if (at < this.#alarm.at) this.#alarm.set(at);
  }

  #look(): void {
    const now = performance.now();
    let next = Number.POSITIVE_INFINITY;
    for (const held of this.#leases.values()) {
      const endsAt = held.believedUntil - EXPIRY_MARGIN_MS;
      if (endsAt <= now) this.#giveUp(held);
      else next = Math.min(next, endsAt);
    }
    this.#lookAt(next);
  }

  #giveUp(held: HeldLease): void {
    this.lose(held, "lapsed");
    this.#onGivenUp(held);
  }
}
