import type { AcquireRequest, AcquireResult, Claim, Grant, Renewal, RenewResult } from "@sluice/core";
import type { PlainWay } from "../plain-way.js";
import { within } from "../retry.js";
import type { Sidecar } from "../sidecar.js";
import { closeCodes } from "../subprotocol.js";
import type { UnderWay } from "../under-way.js";
import { Unreachable } from "../unreachable.js";
import { Ask, type AskHost } from "./ask.js";
import { Claiming } from "./claiming.js";
import { claimOfCaller, claimOfGrant } from "./claims.js";
import { HeldLease } from "./held-lease.js";
import { Holding } from "./holding.js";
import type { Answer } from "./messages.js";
import { Route, type Traveller } from "./route.js";
import type { LeaseEvents, LostEvent, Session } from "./session.js";
import type { Stakes } from "./stakes.js";

export interface LinkOptions {
  /** Of the session. */
  readonly url: URL;
  readonly token: string | undefined;
  readonly answerMs: number;
  readonly sidecar: Sidecar;
  /** The way without sessions. */
  readonly plain: PlainWay;
  readonly underWay: UnderWay;
}

/**
 * A store's link to its sidecar: acquires and leases by one session, opened at the first use and again whenever it ends
 * while something depends on it, and by plain HTTP where sessions do not get through.
 */
export class Link implements AskHost, Traveller, LeaseEvents {
  readonly answerMs: number;
  readonly #plain: PlainWay;
  readonly #sidecar: Sidecar;
  readonly #underWay: UnderWay;
  readonly #route: Route;
  readonly #holding: Holding;
  readonly #claiming: Claiming;
  /** In call order. */
  readonly #asks = new Set<Ask>();
  #arrivals: ((session: Session | undefined) => void)[] = [];

  constructor({ plain, underWay, ...options }: LinkOptions) {
    this.answerMs = options.answerMs;
    this.#plain = plain;
    this.#underWay = underWay;
    this.#sidecar = options.sidecar;
    this.#route = new Route({ ...options, traveller: this, leases: this });
    // What is not believed any more would be renewed for ever.
    this.#holding = new Holding(({ claim }) => void this.giveBack(claim.semaphore, claim.lease));
    this.#claiming = new Claiming(this.#holding, {
      claimPlainly: (semaphore, claims) => plain.claim(semaphore, claims),
      giveBack: (semaphore, lease) => this.giveBack(semaphore, lease),
      putOff: () => this.#route.putOff(),
    });
  }

  /** @throws Refused, Unreachable */
  acquire(request: AcquireRequest, signal: AbortSignal | undefined): Promise<AcquireResult> {
    const { session, isPlain } = this.#route;
    if (session === undefined) this.#route.seek();
    if (session === undefined && isPlain) return this.#plain.acquire(request, signal);
    const ask = new Ask(this, request, signal);
    this.#asks.add(ask);
    if (session !== undefined) ask.send(session);
    else this.#applyKeepAlive();
    return ask.result;
  }

  /**
   * Where an answer is lost, nobody knows whether the lease was released, and it is once more: it then was held until
   * now if it was still good.
   *
   * @throws Refused, Unreachable
   */
  async release(semaphore: string, lease: string): Promise<boolean> {
    const held = this.#holding.find(semaphore, lease);
    if (held !== undefined) this.#holding.letGo(held);
    this.#plain.forget(semaphore, lease);
    const inSession = await this.#releaseIn(held?.session ?? this.#route.session, semaphore, lease);
    if (inSession !== undefined) return inSession;
    const released = await this.#plain.release(semaphore, lease);
    return released || (held !== undefined && performance.now() < held.believedUntil);
  }

  /** By lease, what is known of those that a sidecar renews for us; waits where that is being found out. */
  renew(semaphore: string, renewals: readonly Renewal[]): Map<string, Promise<RenewResult>> {
    const results = new Map<string, Promise<RenewResult>>();
    for (const { lease, leaseMs } of renewals) {
      const held = leaseMs === undefined ? this.#holding.find(semaphore, lease) : undefined;
      if (held === undefined) continue;
      results.set(lease, held.session === undefined ? held.settled() : Promise.resolve(held.renewed));
    }
    return results;
  }

  /** Undefined: there is no session to claim them in. */
  async claim(semaphore: string, claims: readonly Claim[]): Promise<RenewResult[] | undefined> {
    const session = this.#route.session ?? (await this.#arrival());
    if (session === undefined) return undefined;
    const leases = claims.map((claim) => {
      return new HeldLease(claimOfCaller(semaphore, claim), Number.NEGATIVE_INFINITY, undefined, claim);
    });
    return this.#claiming.adopt(session, leases);
  }

  /** The lease was revoked from here; the session will say so, too. */
  revoked(semaphore: string, lease: string): void {
    const held = this.#holding.find(semaphore, lease);
    if (held !== undefined) this.#holding.lose(held, "revoked");
  }

  /** Those who wait fail, and leave the queue. */
  stopAll(): void {
    const closed = new Unreachable("the store is closed", { mayHaveArrived: true });
    for (const ask of this.#asks) ask.fail(closed);
    this.#arrived(undefined);
  }

  /**
   * Ends all sessions. What is still held is left to its time, wherever it is: a session that was asked to take it over
   * may have done so.
   */
  async close(): Promise<void> {
    const isFree = this.#holding.isEmpty && !this.#claiming.isUnderWay;
    await this.#route.close(isFree ? closeCodes.goodbye : closeCodes.leaveToLapse);
    this.#holding.close();
  }

  get trouble(): Error {
    return this.#route.trouble;
  }

  granted({ request }: Ask, grant: Grant, session: Session): void {
    this.#holding.add(new HeldLease(claimOfGrant(request, grant), grant.validUntil, session, request));
    this.#route.succeeded();
  }

  async giveBack(semaphore: string, lease: string): Promise<void> {
    // What cannot be given back lapses.
    await this.#underWay.add(this.release(semaphore, lease)).catch(() => {});
  }

  undo(request: AcquireRequest): Promise<void> {
    return this.#plain.undo(request);
  }

  plainly(request: AcquireRequest, signal: AbortSignal | undefined): Promise<AcquireResult> {
    return this.#plain.acquire(request, signal);
  }

  finishing(work: Promise<void>): Promise<void> {
    return this.#underWay.add(work);
  }

  putOff(): void {
    this.#route.putOff();
  }

  done(ask: Ask): void {
    this.#asks.delete(ask);
    this.#applyKeepAlive();
  }

  get isWaiting(): boolean {
    return this.#calls > 0 || this.#holding.hasAdrift || this.#route.session?.silent === true;
  }

  dependsOn(session: Session): boolean {
    return this.#calls > 0 || this.#holding.of(session).length > 0;
  }

  get claimBy(): number {
    return this.#holding.claimBy;
  }

  /** Leases first: they may have milliseconds left. */
  goOn(session: Session): void {
    const { grace: now } = session;
    if (now !== undefined) this.#holding.keptByStore(({ grace }) => grace?.isOver(now) === true);
    void this.#claiming.claim(session, this.#holding.adrift);
    this.#arrived(session);
    for (const ask of this.#asks) if (!ask.isUnderWayIn(session)) ask.send(session);
  }

  goPlainly(): void {
    void this.#claiming.claimPlainly(this.#holding.adrift);
    this.#arrived(undefined);
    for (const ask of this.#asks) if (!ask.isUnderWay) ask.goPlainly();
  }

  async replaced(former: Session, session: Session): Promise<void> {
    await this.#claiming.claim(session, this.#holding.of(former));
    if (this.#holding.of(former).length > 0) return;
    former.terminate(new Error("another session has taken its place"));
  }

  ended(session: Session): void {
    this.#holding.ended(session);
  }

  away(cause: Error, nobodyListens: boolean): void {
    if (nobodyListens) this.#holding.keptByStore(({ grace }) => grace?.isDirect === true);
    this.#arrived(undefined);
    for (const ask of this.#asks) if (!ask.isUnderWay) ask.away(cause);
  }

  refused(cause: Error): void {
    this.#arrived(undefined);
    for (const ask of this.#asks) if (!ask.isUnderWay) ask.fail(cause);
  }

  confirmed(session: Session, validUntil: number): void {
    this.#holding.confirm(session, validUntil);
  }

  /** A session also says so of a lease that has moved to another one. */
  lost(session: Session, { semaphore, lease, reason }: LostEvent): void {
    const held = this.#holding.find(semaphore, lease);
    if (held === undefined) return;
    const isBeingClaimed = held.session === undefined && held.claimedBy === session;
    if (held.session === session || isBeingClaimed) this.#holding.lose(held, reason);
  }

  answered(sentAt: number, answer: Answer): void {
    this.#sidecar.tellRoundtrip(sentAt, answer);
  }

  stakesIn(session: Session): Stakes {
    return this.#holding.stakesIn(session);
  }

  /** What keeps the process alive while there is no session. */
  get #calls(): number {
    return this.#asks.size + this.#arrivals.length;
  }

  /** Undefined: nobody knows whether it was released. */
  async #releaseIn(
    session: Session | undefined,
    semaphore: string,
    lease: string,
  ): Promise<boolean | undefined> {
    if (session === undefined || !session.live) return undefined;
    try {
      const answer = await within(this.answerMs, session.ask({ op: "release", semaphore, lease }));
      return answer.released === true;
    } catch {
      return undefined;
    }
  }

  /** The next session, or undefined where the attempt at it fails. */
  #arrival(): Promise<Session | undefined> {
    if (this.#route.isPlain) return Promise.resolve(undefined);
    this.#route.seek();
    return new Promise((resolve) => {
      this.#arrivals.push(resolve);
      this.#applyKeepAlive();
    });
  }

  #arrived(session: Session | undefined): void {
    for (const resolve of this.#arrivals) resolve(session);
    this.#arrivals = [];
    this.#applyKeepAlive();
  }

  #applyKeepAlive(): void {
    this.#route.keepAlive(this.#calls > 0);
  }
}
