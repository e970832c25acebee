import { Refused } from "../refused.js";
import type { Problem } from "../shapes/problem.js";
import type { ServerEvent, SessionRequest } from "../shapes/session.js";
import { Unreachable } from "../unreachable.js";
import { SessionClock } from "./clock.js";
import { Grace } from "./grace.js";
import { type Answer, isCount, readMessage } from "./messages.js";
import { type End, Socket, type SocketListener } from "./socket.js";
import { BUSY_QUIET_MS, quietFor, type Stakes } from "./stakes.js";
import { Vigil } from "./vigil.js";

/** The sidecar says something at least so often, also where nobody asks it: it looks for dead clients every 20 s. */
const IDLE_QUIET_MS = 45_000;
const MIN_PATIENCE_MS = 50;
/** Two clocks drift apart, so the pair of their times is renewed while there are leases to be timed by it. */
const PAIR_EVERY_MS = 20_000;

type Message<Request = SessionRequest> = Request extends unknown ? Omit<Request, "id"> : never;
export type LostEvent = Extract<ServerEvent, { event: "lost" }>;

/** Whoever has asked for something. One of the three is called, once. */
export interface Asker {
  /** @param sentAt monotonic time before the request was sent */
  answered(answer: Answer, sentAt: number): void;
  refused(problem: Problem): void;
  /** The session has ended: nobody knows whether it was carried out. */
  cut(): void;
}

/** Told of a session's course. */
export interface CourseListener {
  ready(session: Session): void;
  /** It grants nothing any more. */
  draining(session: Session): void;
  /** The sidecar owes a sign of life; called again for as long as it does. */
  silent(session: Session): void;
  /** Called once, and nothing after it. */
  ended(session: Session, end: End): void;
}

/** Told of what depends on a session. */
export interface LeaseEvents {
  /** All its leases are confirmed until then. */
  confirmed(session: Session, validUntil: number): void;
  lost(session: Session, event: LostEvent): void;
  /** Something that a caller asked for was answered. */
  answered(sentAt: number, answer: Answer): void;
  stakesIn(session: Session): Stakes;
}

interface UnderWay {
  readonly asker: Asker;
  readonly sentAt: number;
  readonly keepsAlive: boolean;
}

export interface SessionOptions {
  readonly url: URL;
  readonly token: string | undefined;
  readonly answerMs: number;
  readonly course: CourseListener;
  readonly leases: LeaseEvents;
}

/** One connection to a sidecar: what is asked over it, what is answered, and what the sidecar says by itself. */
export class Session implements SocketListener {
  readonly clock = new SessionClock();
  readonly #answerMs: number;
  readonly #course: CourseListener;
  readonly #leases: LeaseEvents;
  readonly #socket: Socket;
  readonly #vigil: Vigil;
  readonly #underWay = new Map<number, UnderWay>();
  /** How many of them keep the process alive. */
  #calls = 0;
  #wanted = false;
  #lastId = 0;
  #pingedAt = 0;
  /** What the sidecar said at the start. */
  #grace: Grace | undefined;
  #keptUntil = Number.NEGATIVE_INFINITY;
  #readyAt = 0;
  #ended = false;
  #opening: NodeJS.Timeout | undefined;
  #closed: (() => void) | undefined;

  constructor({ url, token, answerMs, course, leases }: SessionOptions) {
    this.#answerMs = answerMs;
    this.#course = course;
    this.#leases = leases;
    this.#vigil = new Vigil({
      quietMs: () => this.#quietMs(),
      patienceMs: () => this.#patienceMs(),
      ask: () => this.#ping(),
      onSilence: () => course.silent(this),
    });
    const tooLate = new Error(`the session did not begin within ${answerMs} ms`);
    // A late timer lets the loop read first: the session may have begun.
    const judge = () => this.#grace ?? this.terminate(tooLate);
    this.#opening = setTimeout(() => setImmediate(judge), answerMs).unref();
    this.#socket = new Socket(url, token, this);
  }

  /** Whether something can be asked over it. */
  get live(): boolean {
    return this.#grace !== undefined && !this.#ended;
  }

  /** Whether the sidecar owes a sign of life. */
  get silent(): boolean {
    return this.#vigil.silent;
  }

  /** What its sidecar does with its leases when the connection ends. Undefined before it is ready. */
  get grace(): Grace | undefined {
    return this.#grace;
  }

  /** Until when it then keeps them; Infinity where it leaves them to the store. Known when the session has ended. */
  get keptUntil(): number {
    return this.#keptUntil;
  }

  /** For how long it has been ready. */
  get livedMs(): number {
    return this.#grace === undefined ? 0 : performance.now() - this.#readyAt;
  }

  /**
   * Sends a request. Its answer comes in the order of what the sidecar says, which tells what it covers.
   *
   * @param keepsAlive whether the process waits for the answer
   * @returns its id
   */
  send(message: Message, asker: Asker, keepsAlive = true): number {
    const sentAt = performance.now();
    const id = ++this.#lastId;
    this.#underWay.set(id, { asker, sentAt, keepsAlive });
    if (keepsAlive) this.#count(1);
    if (sentAt - this.#pingedAt > PAIR_EVERY_MS && message.op !== "ping") this.#ping();
    this.#socket.send(JSON.stringify({ id, ...message }));
    this.#vigil.lookWithin(BUSY_QUIET_MS);
    return id;
  }

  /** @throws Refused, Unreachable */
  ask(message: Message, keepsAlive = true): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const asker: Asker = {
        answered: resolve,
        refused: (problem) => reject(new Refused(problem)),
        cut: () => reject(new Unreachable("the session has ended", { mayHaveArrived: true })),
      };
      this.send(message, asker, keepsAlive);
    });
  }

  /** Nobody awaits the answer any more. */
  forget(id: number): void {
    const underWay = this.#underWay.get(id);
    if (underWay === undefined) return;
    this.#underWay.delete(id);
    if (underWay.keepsAlive) this.#count(-1);
  }

  /** Something has changed about what depends on it. */
  watchFor(stakes: Stakes): void {
    this.#vigil.lookWithin(quietFor(stakes));
  }

  /** Whether the process lives on for it although nothing is under way. */
  keepAlive(wanted: boolean): void {
    this.#wanted = wanted;
    this.#applyKeepAlive();
  }

  /** Ends it with a word. Resolves when it has ended. */
  close(code: number): Promise<void> {
    if (this.#ended) return Promise.resolve();
    return new Promise((resolve) => {
      this.#closed = resolve;
      this.#socket.keepAlive(true);
      this.#socket.close(code);
    });
  }

  /** Ends it without a word, here and now. */
  terminate(cause: Error): void {
    this.#socket.terminate(cause);
  }

  opened(): void {
    this.#ping();
  }

  heard(): void {
    this.#vigil.heard();
  }

  received(text: string | undefined): void {
    this.#vigil.heard();
    const heard = text === undefined ? undefined : readMessage(text);
    if (heard === undefined) this.terminate(new Error("what answers there is not a sidecar"));
    else if (heard.kind === "event") this.#happened(heard.event);
    else if (heard.kind === "answer") this.#answered(heard.id, heard.answer);
    else if (heard.kind === "refusal") this.#take(heard.id)?.asker.refused(heard.problem);
  }

  ended(end: End): void {
    this.#ended = true;
    this.#keptUntil = this.#grace?.keptUntil(end) ?? this.#keptUntil;
    this.#vigil.end();
    clearTimeout(this.#opening);
    const cut = [...this.#underWay.values()];
    this.#underWay.clear();
    for (const { asker } of cut) asker.cut();
    this.#course.ended(this, end);
    this.#closed?.();
  }

  #happened(event: ServerEvent): void {
    switch (event.event) {
      case "session":
        this.#begin(new Grace(event));
        break;
      case "valid":
        if (performance.now() - this.#pingedAt > PAIR_EVERY_MS) this.#ping();
        this.#leases.confirmed(this, this.clock.validUntil(event.at + event.validForMs));
        break;
      case "lost":
        this.#leases.lost(this, event);
        break;
      case "draining":
        this.#course.draining(this);
    }
  }

  #begin(grace: Grace): void {
    if (this.#grace !== undefined) return;
    clearTimeout(this.#opening);
    this.#grace = grace;
    this.#readyAt = performance.now();
    this.#course.ready(this);
  }

  #answered(id: number, answer: Answer): void {
    const underWay = this.#take(id);
    if (underWay === undefined) return;
    const { asker, sentAt, keepsAlive } = underWay;
    if (keepsAlive) this.#leases.answered(sentAt, answer);
    if (isCount(answer.at)) this.clock.pair(sentAt, answer.at);
    asker.answered(answer, sentAt);
  }

  #take(id: number): UnderWay | undefined {
    const underWay = this.#underWay.get(id);
    this.forget(id);
    return underWay;
  }

  /** Nobody waits for its answer, but its arrival is a sign of life, and its time makes a pair. */
  #ping(): void {
    this.#pingedAt = performance.now();
    this.send({ op: "ping" }, nobody, false);
  }

  #count(change: 1 | -1): void {
    this.#calls += change;
    this.#applyKeepAlive();
  }

  #applyKeepAlive(): void {
    this.#socket.keepAlive(this.#wanted || this.#calls > 0);
  }

  #quietMs(): number {
    const stakes = this.#leases.stakesIn(this);
    const isIdle = stakes.shortestLeaseMs === Number.POSITIVE_INFINITY && this.#underWay.size === 0;
    return isIdle ? IDLE_QUIET_MS : quietFor(stakes);
  }

  /** What is believed must not end before there was time to look for another way. */
  #patienceMs(): number {
    const { believedUntil } = this.#leases.stakesIn(this);
    const half = (believedUntil - performance.now()) / 2;
    return Math.max(MIN_PATIENCE_MS, Math.min(this.#answerMs, half));
  }
}

const nobody: Asker = { answered() {}, refused() {}, cut() {} };
