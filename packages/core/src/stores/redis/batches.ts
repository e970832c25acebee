import { Alarm } from "../alarm.js";
import { type Call, errorOf } from "./call.js";
import { faultOf } from "./faults.js";
import type { Link } from "./link.js";
import { BatchText, decodeReply, encodeBatch, type Knowledge, type Reply, runs } from "./wire.js";

/** So many operations go in one call: a script of that size blocks the server for about a millisecond. */
const batchSize = 256;
/**
 * Renewals are cheaper and come in large numbers, from a sidecar that renews for many processes: all that are due go in
 * one call. 2,000 of them block the server for about 8 ms, as often as a third of a lease passes.
 */
const renewalWeight = 1 / 16;
/** A script's command takes no more than 7,999 words, and a renewal takes two. */
const mostOperations = 2_048;
/**
 * From so many operations on, two calls share them, and while one is in flight a second one may follow: then this process
 * reads the answers to the one while the server works on the other. With fewer, the fixed part of a call costs more than
 * that gains.
 */
const splitFrom = 16;
const followFrom = 8;
/** A fence that was seen so long ago may be of a semaphore that has rightly disappeared since. */
const forgetFenceMs = 300_000;
/** A call that has no answer for so long makes the store think that the server is away ... */
const slowMs = 500;
/** ... and after this time the call is given up and asked again. */
const stalledMs = 5_000;
const retryMs = { first: 20, longest: 1_000 };

interface Batch {
  readonly number: number;
  readonly calls: readonly Call[];
  readonly sentAt: number;
  readonly incarnation: string;
}

/** What hears of the replies. */
export interface BatchListener {
  /** A reply has come, and its answers have not yet been given to those who asked. */
  heard(reply: Reply, sent: { readonly at: number; readonly incarnation: string }): void;
  /** They have been given. */
  answered(reply: Reply): void;
}

export interface BatchOptions {
  readonly connection: Link;
  /** The semaphore's. */
  readonly key: string;
  readonly maxLeaseMs: number;
  readonly holder: string;
  /** A number greater than every one before, over all semaphores of this process. */
  readonly nextNumber: () => number;
  /** What the server should know about its present life, and which one served this process before. */
  readonly knowledge: () => { readonly knowledge: Knowledge; readonly servedAgoMs: number | undefined };
  readonly listener: BatchListener;
}

/**
 * The way of one semaphore's operations to the server: what is ready goes in one call, and while it is in flight more
 * collect (group commit). So nothing is delayed when idle, and batches grow under load. A large batch goes in two calls;
 * the server runs the second one only after the first.
 *
 * Whatever is lost on the way is asked again in a new batch. That is safe, because leases are named by their callers,
 * every operation means the same when repeated, and the server refuses a batch older than one it has seen.
 */
export class Batches {
  /** The highest fence that this process has seen, told to the server. */
  fenceSeen = 0;
  /** When the last call was sent. */
  calledAt = 0;
  readonly #options: BatchOptions;
  readonly #connection: Link;
  readonly #holder: string;
  #pending: Call[] = [];
  /** In the order in which they were sent and will be answered. */
  #inFlight: Batch[] = [];
  #flushPlanned = false;
  /** Whether to call although there is nothing to ask. */
  #wantsLook = false;
  #failures = 0;
  #retryAt = 0;
  readonly #alarm = new Alarm(() => this.#ring(), { keepsAlive: false });

  constructor(options: BatchOptions) {
    this.#options = options;
    this.#connection = options.connection;
    this.#holder = JSON.stringify(options.holder);
  }

  /** Calls are on their way to the server. */
  get flying(): boolean {
    return this.#inFlight.length > 0;
  }

  /** Something is under way, or waits to be. */
  get busy(): boolean {
    return this.flying || this.#pending.length > 0;
  }

  /** Whether the server answers in these moments. */
  get responsive(): boolean {
    if (!this.#connection.up || this.#failures > 0) return false;
    const [first] = this.#inFlight;
    return first === undefined || performance.now() - first.sentAt < slowMs;
  }

  /** What was asked and has not been answered, in its order. */
  get underWay(): Call[] {
    return [...this.#inFlight.flatMap(({ calls }) => calls), ...this.#pending];
  }

  send(call: Call): void {
    if (this.#connection.refusal !== undefined) {
      call.failed(this.#connection.refusal);
      return;
    }
    if (this.#connection.away && !call.interrupted(this.#connection.cause)) return;
    this.#pending.push(call);
    this.#planFlush();
  }

  /** Calls that come before everything that is pending. */
  sendFirst(calls: readonly Call[]): void {
    this.#pending.unshift(...calls);
    this.#planFlush();
  }

  /** Calls, be there something to ask or not. */
  look(): void {
    this.#wantsLook = true;
    this.#planFlush();
  }

  /** The connection is there: what is pending goes at once. */
  connected(): void {
    this.#failures = 0;
    this.#retryAt = 0;
    this.look();
  }

  /** Nobody knows what became of the calls in flight; whoever does not wait is told so. */
  lost(cause: unknown): void {
    const calls = this.#takeAll();
    const again = calls.filter((call) => call.interrupted(cause));
    // Those who were told may have asked, meanwhile, that their asks be taken back.
    this.#pending = [...again, ...this.#pending];
    this.#planFlush();
  }

  /** Fails what is left; nothing of it keeps the process alive. */
  end(cause: Error): void {
    this.#alarm.clear();
    for (const call of this.#takeAll()) call.failed(cause);
  }

  /** Leaves nothing in flight and nothing pending. A call without operations was a look, which is still wanted. */
  #takeAll(): Call[] {
    const calls = this.underWay;
    this.#wantsLook ||= this.#inFlight.some((batch) => batch.calls.length === 0);
    this.#inFlight = [];
    this.#pending = [];
    return calls;
  }

  #planFlush(): void {
    if (this.#flushPlanned || this.#inFlight.length === 2) return;
    this.#flushPlanned = true;
    process.nextTick(this.#flush);
  }

  /** Runs when the code that is running now has asked for all it wants. */
  readonly #flush = (): void => {
    this.#flushPlanned = false;
    if (!this.#connection.up || performance.now() < this.#retryAt) return;
    const ready = this.#pending.length;
    if (this.flying) {
      if (this.#inFlight.length === 1 && ready >= followFrom) this.#sendSome(batchSize);
      return;
    }
    if (ready === 0 && !this.#wantsLook) return;
    this.#sendSome(ready < splitFrom ? batchSize : Math.ceil(Math.min(ready, batchSize) / 2));
    if (this.#pending.length > 0) this.#planFlush();
  };

  /** Sends the first operations that are pending, `most` of them by their weight. */
  #sendSome(most: number): void {
    const releases: Call[] = [];
    const others: Call[] = [];
    const text = new BatchText();
    let taken = 0;
    let weight = 0;
    for (const call of this.#pending) {
      const isFull = weight >= most || releases.length + others.length === mostOperations;
      if (isFull || (call.startsBatch && others.length > 0)) break;
      taken += 1;
      const operation = call.encode();
      if (operation === undefined) continue;
      weight += call.run === runs.renew ? renewalWeight : 1;
      text.add(call.run, operation);
      (call.run === runs.release ? releases : others).push(call);
    }
    this.#pending = taken === this.#pending.length ? [] : this.#pending.slice(taken);
    const calls = releases.length === 0 ? others : releases.concat(others);
    if (calls.length > 0 || this.#wantsLook) this.#call(calls, text.toString());
  }

  #call(calls: readonly Call[], operations: string): void {
    const { incarnation, process } = this.#connection;
    const { key, maxLeaseMs, nextNumber, knowledge } = this.#options;
    const after = this.#inFlight.at(-1)?.number ?? 0;
    const batch = { number: nextNumber(), calls, sentAt: performance.now(), incarnation };
    if (batch.sentAt - this.calledAt > forgetFenceMs) this.fenceSeen = 0;
    const header = {
      process,
      after,
      fenceSeen: this.fenceSeen,
      maxLeaseMs,
      holder: this.#holder,
      ...knowledge(),
    };
    this.#inFlight.push(batch);
    this.#wantsLook = false;
    this.calledAt = batch.sentAt;
    this.#connection.apply(key, encodeBatch({ ...header, batch: batch.number }, operations)).then(
      (text) => this.#answered(batch, String(text)),
      (error) => this.#failed(batch, error),
    );
    this.#setAlarm(batch.sentAt + stalledMs);
  }

  #answered(batch: Batch, text: string): void {
    if (this.#inFlight[0] !== batch) return;
    this.#connection.observed(performance.now() - batch.sentAt, batch.calls.length);
    const reply = decodeReply(text);
    if (reply === undefined) {
      this.#askAllAgain();
      return;
    }
    const { listener } = this.#options;
    this.#inFlight.shift();
    this.#failures = 0;
    if (reply.more) this.#wantsLook = true;
    listener.heard(reply, { at: batch.sentAt, incarnation: batch.incarnation });
    batch.calls.forEach((call, index) => {
      call.answered(reply.answers[index] ?? 0, reply);
    });
    listener.answered(reply);
    if (this.#pending.length > 0 || this.#wantsLook) this.#planFlush();
  }

  #failed(batch: Batch, error: unknown): void {
    if (!this.#inFlight.includes(batch)) return;
    const fault = faultOf(error);
    if (fault === "refused" || fault === "incompatible") {
      this.#inFlight = this.#inFlight.filter((other) => other !== batch);
      const cause = errorOf(error);
      for (const call of batch.calls) call.failed(cause);
      this.#planFlush();
    } else if (fault === "unbound" || fault === "moved" || fault === "out_of_memory") {
      this.#askAllAgain();
    } else {
      if (this.#connection.up) this.#pause();
      this.lost(error);
    }
  }

  /** The server has not run what is in flight, so nothing is unsure: it goes again, in its order. */
  #askAllAgain(): void {
    this.#pending = this.#takeAll();
    this.#planFlush();
  }

  /** The server is there but does not take the call. */
  #pause(): void {
    const pauseMs = Math.min(retryMs.first * 2 ** this.#failures, retryMs.longest);
    this.#failures += 1;
    this.#retryAt = performance.now() + pauseMs;
    this.#setAlarm(this.#retryAt);
  }

  /** An alarm that rings too early looks and is set again: cheaper than to move a timer with every call. */
  #setAlarm(at: number): void {
    if (at < this.#alarm.at) this.#alarm.set(at);
  }

  #ring(): void {
    const [first] = this.#inFlight;
    if (first === undefined) {
      if (this.busy || this.#wantsLook) this.#planFlush();
      return;
    }
    if (performance.now() < first.sentAt + stalledMs) {
      this.#setAlarm(first.sentAt + stalledMs);
      return;
    }
    setImmediate(this.#giveUp, first);
  }

  /** In a turn of its own: a loop that was blocked has read by then what had arrived. */
  readonly #giveUp = (batch: Batch): void => {
    if (!this.#inFlight.includes(batch)) {
      this.#ring();
      return;
    }
    this.#connection.reset();
    this.#failed(batch, new Error(`no answer within ${stalledMs} ms`));
  };
}
