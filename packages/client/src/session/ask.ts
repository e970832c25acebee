import type { AcquireRequest, AcquireResult, Grant } from "@sluice/core";
import { bodyOf } from "../acquire-body.js";
import { MAX_WAIT_MS } from "../limits.js";
import { outcomeOf } from "../outcome.js";
import { Refused } from "../refused.js";
import { within } from "../retry.js";
import type { Problem } from "../shapes/problem.js";
import { Unreachable } from "../unreachable.js";
import { readGrant } from "./grant.js";
import type { Answer } from "./messages.js";
import type { Asker, Session } from "./session.js";

/** How long an abort is held up by its cancellation, which goes on by itself after that. */
const CANCEL_PATIENCE_MS = 500;

/** What an acquire needs of whoever sends it on its way. */
export interface AskHost {
  readonly answerMs: number;
  /** Why there is no session just now. */
  readonly trouble: Error;
  /** The lease is held from now on. */
  granted(ask: Ask, grant: Grant, session: Session): void;
  /** Gives a lease back that nobody holds. Never rejects. */
  giveBack(semaphore: string, lease: string): Promise<void>;
  /** Undoes, by another way, what may have become of it in a session that has ended. Never rejects. */
  undo(request: AcquireRequest): Promise<void>;
  /** The acquire over plain HTTP. */
  plainly(request: AcquireRequest, signal: AbortSignal | undefined): Promise<AcquireResult>;
  /** A closing store waits for it. */
  finishing(work: Promise<void>): Promise<void>;
  /** It is to be sent again, though not at once. */
  putOff(): void;
  /** There is nothing more to be done for it. */
  done(ask: Ask): void;
}

/**
 * One acquire of the store's caller, over as many sessions as it takes: asking again under its key is the same acquire,
 * and keeps its place. Where it is not under way in a session, its host sends it.
 */
export class Ask implements Asker {
  readonly request: AcquireRequest;
  /** @throws Refused, Unreachable */
  readonly result: Promise<AcquireResult>;
  readonly #host: AskHost;
  readonly #signal: AbortSignal | undefined;
  readonly #deadline: number;
  #resolve!: (result: AcquireResult | Promise<AcquireResult>) => void;
  #reject!: (error: unknown) => void;
  #settled = false;
  /** Where it is under way, and under which id. */
  #session: Session | undefined;
  #id = 0;
  #waitMs = 0;
  /** Times that it was sent and not answered. */
  #unheard = 0;
  /** Whether the sidecar may keep a place or a lease for it that nobody has been told of. */
  #undecided = false;
  #patience: NodeJS.Timeout | undefined;
  /** Called when it is under way no more. */
  #onLanded: (() => void) | undefined;

  constructor(host: AskHost, request: AcquireRequest, signal: AbortSignal | undefined) {
    this.#host = host;
    this.request = request;
    this.#signal = signal;
    this.#deadline = performance.now() + request.waitMs;
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    signal?.addEventListener("abort", this.#abort, { once: true });
    if (request.waitMs !== Number.POSITIVE_INFINITY) {
      this.#expireIn(request.waitMs === 0 ? host.answerMs : request.waitMs);
    }
  }

  isUnderWayIn(session: Session): boolean {
    return this.#session === session;
  }

  get isUnderWay(): boolean {
    return this.#session !== undefined;
  }

  /** Where it is under way elsewhere, that is forgotten. */
  send(session: Session): void {
    if (this.#session !== undefined) {
      this.#session.forget(this.#id);
      this.#unheard += 1;
    }
    this.#session = session;
    this.#waitMs = Math.ceil(Math.min(this.#leftMs, MAX_WAIT_MS));
    const { semaphore, lease } = this.request;
    const message = {
      op: "acquire",
      semaphore,
      idempotencyKey: lease,
      ...bodyOf(this.request),
      waitMs: this.#waitMs,
    } as const;
    this.#id = session.send(message, this);
  }

  /** Goes on without a session. */
  goPlainly(): void {
    const request = { ...this.request, waitMs: this.#leftMs };
    this.#settle(() => this.#resolve(this.#host.plainly(request, this.#signal)));
  }

  /** The sidecar is away: fails where the wait is over. */
  away(cause: Error): void {
    if (this.#leftMs === 0) this.fail(new Unreachable(cause.message, { cause, mayHaveArrived: false }));
  }

  /** Fails, and takes care that nothing is left of it. */
  fail(error: unknown): void {
    if (this.#settled) return;
    this.#settle(() => this.#reject(error));
    this.#host.finishing(this.#withdraw());
  }

  answered(answer: Answer): void {
    const session = this.#land(false);
    const grant = session && readGrant(answer, session.clock);
    if (session === undefined || grant === undefined) {
      this.#onLanded?.();
      this.fail(new Unreachable("what answers there is not a sidecar", { mayHaveArrived: true }));
    } else if (this.#settled) {
      void this.#host.giveBack(this.request.semaphore, grant.lease).then(this.#onLanded);
    } else {
      // At once: what the sidecar says next about its leases is about this one, too.
      this.#host.granted(this, grant, session);
      this.#settle(() => this.#resolve(grant));
    }
  }

  refused(problem: Problem): void {
    const session = this.#land(false);
    if (this.#settled) this.#onLanded?.();
    else if (this.#goesOn(problem) && session?.live) this.send(session);
    else this.#take(problem);
  }

  cut(): void {
    this.#land(true);
    this.#unheard += 1;
    if (this.#settled) this.#onLanded?.();
    else if (this.#waitMs === 0) {
      this.fail(new Unreachable("the session has ended", { mayHaveArrived: true }));
    }
  }

  #land(undecided: boolean): Session | undefined {
    const session = this.#session;
    this.#session = undefined;
    this.#undecided = undecided;
    return session;
  }

  get #leftMs(): number {
    return Math.max(0, this.#deadline - performance.now());
  }

  /**
   * The last request of a wait does not wait: it takes the acquire out of the queue, unless the permit has come at the
   * last moment. And an own earlier request that came late has taken the place of the later one: asking again takes it
   * back.
   */
  #goesOn({ code }: Problem): boolean {
    if (code === "ACQUIRE_TIMEOUT") return this.#waitMs > 0;
    if (code !== "REQUEST_SUPERSEDED" || this.#unheard === 0) return false;
    this.#unheard -= 1;
    return true;
  }

  #take(problem: Problem): void {
    const outcome = outcomeOf(problem);
    if (outcome !== undefined) this.#settle(() => this.#resolve(outcome));
    else if (problem.code !== "STORE_UNAVAILABLE") this.fail(new Refused(problem));
    else if (this.#waitMs === 0) this.fail(new Unreachable(problem.detail, { mayHaveArrived: false }));
    else this.#host.putOff();
  }

  readonly #abort = (): void => {
    this.#settle(() => {
      const aborted = { outcome: "aborted" } as const;
      // So that whoever hears of the abort finds the queue without it, where the sidecar answers.
      const withdrawing = this.#host.finishing(this.#withdraw());
      const withdrawn = within(CANCEL_PATIENCE_MS, withdrawing).catch(() => {});
      this.#resolve(withdrawn.then(() => aborted));
    });
  };

  /** Takes it out of the queue, and gives back what it is granted meanwhile. */
  async #withdraw(): Promise<void> {
    if (this.#session?.live) {
      const landed = new Promise<void>((resolve) => {
        this.#onLanded = resolve;
      });
      this.#session.ask({ op: "cancel", request: this.#id }).catch(() => {});
      await within(this.#host.answerMs, landed).catch(() => {});
    }
    if (this.#undecided) await this.#host.undo(this.request);
  }

  #expireIn(ms: number): void {
    // A late timer lets the loop read first: the answer may be there.
    const expire = () => setImmediate(() => this.#expire());
    this.#patience = setTimeout(expire, ms).unref();
  }

  #expire(): void {
    if (this.#settled) return;
    const wasPatient = performance.now() >= this.#deadline + this.#host.answerMs;
    if (this.#session !== undefined && !wasPatient) {
      this.#expireIn(this.#deadline + this.#host.answerMs - performance.now());
      return;
    }
    const { answerMs, trouble } = this.#host;
    const why = this.#session === undefined ? trouble.message : `no answer within ${answerMs} ms`;
    this.fail(new Unreachable(why, { mayHaveArrived: true }));
  }

  #settle(tell: () => void): void {
    if (this.#settled) return;
    this.#settled = true;
    clearTimeout(this.#patience);
    this.#signal?.removeEventListener("abort", this.#abort);
    tell();
    this.#host.done(this);
  }
}
