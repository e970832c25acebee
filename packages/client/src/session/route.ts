import { Alarm } from "@sluice/core";
import { backoffMs } from "../retry.js";
import type { Sidecar } from "../sidecar.js";
import { type CourseListener, type LeaseEvents, Session } from "./session.js";
import type { End } from "./socket.js";
import { verdictOf } from "./verdict.js";

/** Where sessions do not get through, plain HTTP serves for so long before the next attempt. */
const PLAIN_FOR_MS = 60_000;
/** After a session that has lived for so long the next one is opened at once; after one failure upon another, later. */
const STEADY_MS = 1_000;
/** A session that is open, or was so short a time ago, proves that what stands between can carry one. */
const PROVEN_FOR_MS = 60_000;
const MIN_PAUSE_MS = 1;
const TRIES_IN_GRACE = 6;

/** Whoever travels by a route. */
export interface Traveller {
  /** Whether something waits for a session. */
  readonly isWaiting: boolean;
  /** When the first lease must have been claimed that a sidecar would give back; Infinity where there is none. */
  readonly claimBy: number;
  /** Whether leases or waiting acquires are in its hands. */
  dependsOn(session: Session): boolean;
  /** Go on by this session, with all that is not under way in it. */
  goOn(session: Session): void;
  /** Go on without a session. */
  goPlainly(): void;
  /** Another session has the place of this one, which drains, or does not answer. */
  replaced(former: Session, session: Session): void;
  ended(session: Session): void;
  /** There is no session for now. @param nobodyListens whether the port was found deserted */
  away(cause: Error, nobodyListens: boolean): void;
  /** The sidecar does not want us. */
  refused(cause: Error): void;
}

export interface RouteOptions {
  /** Of the session. */
  readonly url: URL;
  readonly token: string | undefined;
  readonly answerMs: number;
  readonly sidecar: Sidecar;
  readonly traveller: Traveller;
  readonly leases: LeaseEvents;
}

/** The way to a sidecar: one session at a time, opened when it is needed, or none where they do not get through. */
export class Route implements CourseListener {
  readonly #options: RouteOptions;
  readonly #traveller: Traveller;
  /** All that are open, or being opened. */
  readonly #sessions = new Set<Session>();
  #current: Session | undefined;
  #next: Session | undefined;
  readonly #pause = new Alarm(() => this.#proceed(), { keepsAlive: false });
  #failures = 0;
  #isPlain = false;
  #plainUntil = 0;
  #provenAt = Number.NEGATIVE_INFINITY;
  #keepsAlive = false;
  #closed = false;
  #trouble = new Error("there is no session with it yet");

  constructor(options: RouteOptions) {
    this.#options = options;
    this.#traveller = options.traveller;
  }

  /** The session for whatever is asked now. */
  get session(): Session | undefined {
    return this.#current;
  }

  /** Whether sessions do not get through. */
  get isPlain(): boolean {
    return this.#isPlain;
  }

  /** Why there is no session. */
  get trouble(): Error {
    return this.#trouble;
  }

  /** Opens a session, unless there is one, or it is known that none gets through. */
  seek(): void {
    if (this.#closed || this.#next !== undefined) return;
    if (this.#current !== undefined && !this.#current.silent) return;
    if (this.#isPlain && performance.now() < this.#plainUntil) return;
    this.#pause.clear();
    const { url, token, answerMs, leases } = this.#options;
    this.#next = new Session({ url, token, answerMs, course: this, leases });
    this.#sessions.add(this.#next);
    this.#next.keepAlive(this.#keepsAlive);
  }

  /**
   * Goes on after a pause, which is longer the more often that has happened, and short where leases must be claimed
   * soon: a sidecar that is being killed may still accept a connection, and refuse the next one.
   */
  putOff(): void {
    if (this.#pause.at !== Number.POSITIVE_INFINITY || this.#closed) return;
    const now = performance.now();
    const leftMs = this.#traveller.claimBy - now;
    const longestMs = leftMs > 0 ? Math.max(MIN_PAUSE_MS, leftMs / TRIES_IN_GRACE) : Number.POSITIVE_INFINITY;
    this.#pause.set(now + Math.min(backoffMs(this.#failures++), longestMs));
  }

  /** Something was carried out: the next pause is a short one. */
  succeeded(): void {
    this.#failures = 0;
  }

  /** Whether the process lives on while there is no session. */
  keepAlive(wanted: boolean): void {
    if (wanted === this.#keepsAlive) return;
    this.#keepsAlive = wanted;
    this.#pause.keepAlive(wanted);
    this.#next?.keepAlive(wanted);
  }

  /** Ends all sessions with this close code. */
  async close(code: number): Promise<void> {
    this.#closed = true;
    this.#pause.clear();
    this.#next?.terminate(new Error("the store is closed"));
    await Promise.all([...this.#sessions].map((session) => session.close(code)));
  }

  ready(session: Session): void {
    const former = this.#current;
    this.#next = undefined;
    this.#current = session;
    this.#isPlain = false;
    session.keepAlive(false);
    this.#options.sidecar.sawUp();
    this.#traveller.goOn(session);
    if (former !== undefined) this.#traveller.replaced(former, session);
  }

  draining(session: Session): void {
    if (session !== this.#current) return;
    this.#current = undefined;
    if (this.#traveller.isWaiting) this.seek();
  }

  /** It keeps its leases for as long as nobody else has claimed them: it may be alive after all. */
  silent(session: Session): void {
    if (!this.#traveller.dependsOn(session))
      session.terminate(new Error("the sidecar says nothing any more"));
    else if (session === this.#current) this.seek();
    else if (this.#current !== undefined) this.#traveller.replaced(session, this.#current);
  }

  ended(session: Session, end: End): void {
    this.#sessions.delete(session);
    if (this.#closed) return;
    if (session === this.#next) {
      this.#next = undefined;
      this.#failed(end);
      return;
    }
    if (session === this.#current) this.#current = undefined;
    this.#provenAt = performance.now();
    this.#trouble = new Error("the session was cut", { cause: end });
    this.#traveller.ended(session);
    if (session.livedMs >= STEADY_MS) this.#failures = 0;
    if (this.#failures++ === 0) this.#proceed();
    else if (this.#traveller.isWaiting) this.putOff();
  }

  #proceed(): void {
    if (this.#closed) return;
    if (this.#current !== undefined && !this.#current.silent) this.#traveller.goOn(this.#current);
    else if (this.#isPlain) this.#traveller.goPlainly();
    else if (this.#traveller.isWaiting) this.seek();
  }

  #failed(end: End): void {
    const isProven = this.#current !== undefined || performance.now() - this.#provenAt < PROVEN_FOR_MS;
    const verdict = verdictOf(end, isProven);
    this.#trouble = verdict.cause;
    switch (verdict.kind) {
      case "away":
        this.#options.sidecar.sawDown(verdict.cause);
        this.#traveller.away(verdict.cause, verdict.nobodyListens);
        break;
      case "refused":
        this.#traveller.refused(verdict.cause);
        break;
      case "plain":
        this.#isPlain = true;
        this.#plainUntil = performance.now() + PLAIN_FOR_MS;
        this.#traveller.goPlainly();
        return;
    }
    if (this.#traveller.isWaiting) this.putOff();
  }
}
