import { StoreIncompatibleError } from "../../errors.js";
import type { AcquireRequest, AcquireResult, Grant, LossReason, RenewResult } from "../../store.js";
import { AcquireCall, type AcquireLane, type Terms } from "./acquire-call.js";
import { type Call, Errand, unavailable } from "./call.js";
import { ServerClock } from "./clock.js";
import type { Connection } from "./connection.js";
import { faultOf } from "./faults.js";
import { HeldLeases } from "./held.js";
import { WaitingCalls } from "./waiting.js";
import {
  BatchText,
  decodeReply,
  encode,
  encodeBatch,
  factsKey,
  type Notices,
  type Push,
  type Reply,
  refusals,
  runs,
  type WireAnswer,
} from "./wire.js";

/** So many operations go in one call: a script of that size blocks the server for about a millisecond. */
const batchSize = 256;
/**
 * From so many operations on, two calls share them, and while one is in flight a second one may follow: then this process
 * reads the answers to the one while the server works on the other. With fewer, the fixed part of a call costs more than that gains.
 */
const splitFrom = 16;
const followFrom = 8;
/** A process with waiters calls at least so often, as a part of their shortest lease; it is silent after a whole one. */
const heartbeatPart = 1 / 4;
/** A call that has no answer for so long makes the store think that the server is away ... */
const slowMs = 500;
/** ... and after this time the call is given up and asked again. */
const stalledMs = 5_000;
const retryMs = { first: 20, longest: 1_000 };
/** With a second connection for pushes one may still be under way when a reply has come. */
const pushDelayMs = 25;

interface Batch {
  readonly number: number;
  readonly calls: readonly Call[];
  readonly sentAt: number;
}

/** When, and on which terms, something happened in the server. */
interface Moment {
  readonly now: number;
  readonly fenceBase: number;
  readonly leaseMs: number;
  readonly limit: number;
}

export interface LaneOptions {
  readonly connection: Connection;
  readonly prefix: string;
  readonly semaphore: string;
  readonly maxLeaseMs: number;
  readonly holder: string;
  /** A number greater than every one before, over all lanes of this process. */
  readonly nextBatch: () => number;
  /** Told after each call that found the semaphore. */
  readonly seen: () => void;
}

/**
 * The way of one semaphore's operations to the server: what is ready goes in one call, and while it is in flight more
 * collect (group commit). So nothing is delayed when idle, and batches grow under load. A large batch goes in two calls;
 * the server runs the second one only after the first.
 *
 * Whatever is lost on the way is asked again in a new batch. That is safe, because leases are named by their callers,
 * every operation means the same when repeated, and the server refuses a batch older than one it has seen.
 */
export class Lane implements AcquireLane {
  readonly semaphore: string;
  readonly holder: string;
  readonly key: string;
  limit = 0;
  readonly #options: LaneOptions;
  readonly #holderJson: string;
  readonly #connection: Connection;
  readonly #clock = new ServerClock();
  readonly #waiting = new WaitingCalls();
  readonly #held = new HeldLeases();
  #pending: Call[] = [];
  /** Notices of what is still to be answered. */
  #early: (() => void)[] = [];
  /** In the order in which they were sent and will be answered. */
  #inFlight: Batch[] = [];
  #flushPlanned = false;
  /** Whether to call although there is nothing to ask. */
  #wantsLook = false;
  #known = false;
  #leaseMs = 0;
  #fenceSeen = 0;
  #failures = 0;
  #retryAt = 0;
  #calledAt = 0;
  #lookAt = Number.POSITIVE_INFINITY;
  #doubted = false;
  #alarm: NodeJS.Timeout | undefined;
  #alarmAt = Number.POSITIVE_INFINITY;

  constructor(options: LaneOptions) {
    this.#options = options;
    this.#connection = options.connection;
    this.semaphore = options.semaphore;
    this.holder = options.holder;
    this.#holderJson = JSON.stringify(options.holder);
    this.key = factsKey(options.prefix, options.semaphore);
  }

  acquire(request: AcquireRequest, signal: AbortSignal | undefined): Promise<AcquireResult> {
    return new Promise((resolve, reject) => {
      const call = new AcquireCall(this, request, signal, resolve, reject);
      call.earlier = this.#waiting.join(call);
      this.ask(call, !this.#known);
    });
  }

  get responsive(): boolean {
    if (!this.#connection.up || this.#failures > 0) return false;
    const [first] = this.#inFlight;
    return first === undefined || performance.now() - first.sentAt < slowMs;
  }

  get cause(): unknown {
    return this.#connection.cause;
  }

  /** Something is under way to the server. */
  get busy(): boolean {
    return this.#pending.length > 0 || this.#inFlight.length > 0;
  }

  /** Nothing is held, waits or is under way. */
  get idle(): boolean {
    return !this.busy && this.#waiting.empty && this.#held.size === 0;
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

  run(text: string): void {
    this.send(new Errand(text));
  }

  ask(call: AcquireCall, create: boolean): void {
    if (create && call.request.create !== undefined) {
      this.run(encode.ensure(call.request.create));
      this.#known = true;
    }
    this.send(call);
  }

  cancel({ request: { lease, attempt } }: AcquireCall): void {
    const done = () => {
      // Where a later attempt has taken over, the place is its own.
      if (this.#waiting.find(lease) === undefined) this.#waiting.vacate(lease);
    };
    this.send(new Errand(encode.cancel(lease, attempt), done));
  }

  queued(call: AcquireCall, sequence: number): void {
    this.#waiting.queue(call, sequence, call.leaseMs({ leaseMs: this.#leaseMs }));
  }

  vacated(call: AcquireCall): void {
    this.#waiting.vacate(call.request.lease);
  }

  settled(call: AcquireCall): void {
    this.#waiting.forget(call);
  }

  restored(call: AcquireCall): void {
    this.#waiting.restore(call);
  }

  granted({ request }: AcquireCall, { fence, expiresAt, leaseMs, again = false }: Terms): Grant | undefined {
    const validUntil = this.#clock.validUntil(expiresAt);
    if (validUntil <= performance.now()) return undefined;
    const { lease, permits } = request;
    if (fence > this.#fenceSeen) this.#fenceSeen = fence;
    this.#held.add(lease, validUntil, request.onLost);
    return { outcome: "granted", lease, permits, fence, leaseMs, validUntil, limit: this.limit, again };
  }

  /** What the answer to a renewal means. */
  renewed(lease: string, answer: WireAnswer, reply: Reply): RenewResult {
    if (typeof answer === "number" && answer > 0) {
      const validUntil = this.#clock.validUntil(reply.now + answer);
      this.#held.extend(lease, validUntil);
      return { lease, renewed: true, validUntil };
    }
    const reason = answer === refusals.revoked ? "revoked" : "lapsed";
    this.lost(lease, reason);
    return { lease, renewed: false, reason };
  }

  /** The lease is about to be released. Returns until when it was believed. */
  letGo(lease: string): number {
    return this.#held.remove(lease);
  }

  lost(lease: string, reason: LossReason): void {
    this.#held.lose(lease, reason);
  }

  /** The connection is there: what is pending goes, and what is waited for is compared. */
  connected(): void {
    this.#failures = 0;
    this.#retryAt = 0;
    this.#look();
  }

  /** The connection is gone: whoever does not wait is told so. */
  disconnected(cause: unknown): void {
    this.#pending = this.#pending.filter((call) => call.interrupted(cause));
    const [first] = this.#inFlight;
    if (first !== undefined) this.#failed(first, cause);
  }

  pushed(push: Push): void {
    // Another life of the server has another clock: nothing can be said of its times before it has answered a call.
    if (!this.#clock.knows(push.incarnation)) {
      this.#look();
      return;
    }
    this.limit = push.limit;
    this.#noticed(push.notices, push);
  }

  /** Ends every acquire, and tells the server so. */
  close(cause: Error): void {
    for (const call of [...this.#waiting.all(), ...this.#underWay()]) {
      if (call instanceof AcquireCall) call.failed(cause);
    }
  }

  /** Fails what is left; nothing of the lane keeps the process alive. */
  end(cause: Error): void {
    clearTimeout(this.#alarm);
    const left = this.#underWay();
    this.#pending = [];
    this.#inFlight = [];
    this.#early = [];
    for (const call of left) call.failed(cause);
  }

  /** Drops what is known of leases that are over. */
  tidy(): void {
    this.#held.dropBefore(performance.now() - this.#options.maxLeaseMs);
  }

  #underWay(): Call[] {
    return [...this.#inFlight.flatMap(({ calls }) => calls), ...this.#pending];
  }

  #look(): void {
    this.#wantsLook = true;
    this.#planFlush();
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
    if (this.#inFlight.length > 0) {
      if (this.#inFlight.length === 1 && ready >= followFrom) this.#sendSome(batchSize);
      return;
    }
    if (ready === 0 && !this.#wantsLook) return;
    this.#sendSome(ready < splitFrom ? batchSize : Math.ceil(Math.min(ready, batchSize) / 2));
    if (this.#pending.length > 0) this.#planFlush();
  };

  /** Sends the first operations that are pending, `most` of them. */
  #sendSome(most: number): void {
    const releases: Call[] = [];
    const others: Call[] = [];
    const text = new BatchText();
    let taken = 0;
    for (const call of this.#pending) {
      if (releases.length + others.length === most || (call.startsBatch && others.length > 0)) break;
      taken += 1;
      const operation = call.encode();
      if (operation === undefined) continue;
      text.add(call.run, operation);
      (call.run === runs.release ? releases : others).push(call);
    }
    this.#pending = taken === this.#pending.length ? [] : this.#pending.slice(taken);
    const calls = releases.length === 0 ? others : releases.concat(others);
    if (calls.length > 0 || this.#wantsLook) this.#send(calls, text.toString());
  }

  #send(calls: readonly Call[], operations: string): void {
    const batch = { number: this.#options.nextBatch(), calls, sentAt: performance.now() };
    const header = {
      process: this.#connection.process,
      batch: batch.number,
      after: this.#inFlight.at(-1)?.number ?? 0,
      fenceSeen: this.#fenceSeen,
      maxLeaseMs: this.#options.maxLeaseMs,
      holder: this.#holderJson,
    };
    this.#inFlight.push(batch);
    this.#wantsLook = false;
    this.#calledAt = batch.sentAt;
    const { incarnation } = this.#connection;
    this.#connection.apply(this.key, encodeBatch(header, operations)).then(
      (text) => this.#answered(batch, incarnation, String(text)),
      (error) => this.#failed(batch, error),
    );
    this.#setAlarm();
  }

  #answered(batch: Batch, incarnation: string, text: string): void {
    if (this.#inFlight[0] !== batch) return;
    const now = performance.now();
    this.#connection.observed(now - batch.sentAt, batch.calls.length);
    const reply = decodeReply(text);
    if (reply === undefined) {
      this.#askAllAgain(batch.calls);
      this.#planFlush();
      return;
    }
    this.#inFlight.shift();
    this.#failures = 0;
    this.#clock.pair(incarnation, batch.sentAt, reply.now);
    this.#hear(reply, now);
    batch.calls.forEach((call, index) => {
      call.answered(reply.answers[index] ?? 0, reply);
    });
    if (reply.notices !== undefined) this.#noticed(reply.notices, reply);
    this.#compare(reply);
    if (this.#early.length > 0) this.#actOnEarlyNotices();
    if (this.#pending.length > 0 || this.#wantsLook) this.#planFlush();
    this.#setAlarm();
  }

  #hear(reply: Reply, now: number): void {
    this.#known = reply.limit >= 0;
    if (this.#known) this.#options.seen();
    this.limit = Math.max(0, reply.limit);
    this.#leaseMs = reply.leaseMs;
    this.#lookAt = reply.lapseInMs > 0 ? now + reply.lapseInMs + 1 : Number.POSITIVE_INFINITY;
    if (reply.more) this.#wantsLook = true;
  }

  #noticed(notices: Notices, at: Moment): void {
    for (const [lease, number] of notices.grants) this.#handedOver(lease, at.fenceBase + number, at);
    for (const lease of notices.misfits) this.#misfit(lease, at);
    for (const lease of notices.revoked) this.lost(lease, "revoked");
    if (notices.removed) this.#removed();
  }

  #handedOver(lease: string, fence: number, at: Moment): void {
    const call = this.#waiting.find(lease);
    if (call === undefined) {
      this.#waiting.vacate(lease);
      if (!this.#held.has(lease)) this.run(encode.discard(lease, fence));
    } else if (this.#waiting.isQueued(call)) {
      this.#waiting.vacate(lease);
      const leaseMs = call.leaseMs(at);
      call.take({ fence, expiresAt: at.now + leaseMs, leaseMs });
    } else {
      this.#whenAnswered(() => this.#handedOver(lease, fence, at));
    }
  }

  #misfit(lease: string, at: Moment): void {
    const call = this.#waiting.find(lease);
    if (call === undefined || this.#waiting.isQueued(call)) {
      this.#waiting.vacate(lease);
      call?.settle({ outcome: "exceeds_limit", limit: at.limit });
    } else {
      this.#whenAnswered(() => this.#misfit(lease, at));
    }
  }

  #removed(): void {
    this.#known = false;
    this.#askAgain();
    this.#whenAnswered(() => this.#askAgain());
  }

  /**
   * A push can be read before the reply that came first: both arrive together, and a reply takes its way through
   * promises. And an ask that is still on its way may belong to a later attempt, whose answer then tells of the grant.
   */
  #whenAnswered(act: () => void): void {
    if (this.#inFlight.length > 0) this.#early.push(act);
  }

  #actOnEarlyNotices(): void {
    const early = this.#early;
    this.#early = [];
    for (const act of early) act();
  }

  /** The server's view of what this process waits for must be its own. */
  #compare(reply: Reply): void {
    const agrees = this.#waiting.size === 0 || this.#waiting.asking || reply.digest === this.#waiting.digest;
    if (agrees) {
      this.#doubted = false;
      return;
    }
    if (!this.#connection.pushesInOrder && !this.#doubted) {
      this.#doubted = true;
      this.#lookAt = performance.now() + pushDelayMs;
      return;
    }
    this.#doubted = false;
    this.#askAgain();
  }

  #askAgain(): void {
    for (const call of this.#waiting.takeAllForAsking()) this.ask(call, !this.#known);
  }

  #failed(batch: Batch, error: unknown): void {
    if (!this.#inFlight.includes(batch)) return;
    const fault = faultOf(error);
    if (fault === "refused" || fault === "incompatible") {
      this.#inFlight = this.#inFlight.filter((other) => other !== batch);
      const cause = fault === "refused" ? unavailable(error) : incompatible(error);
      for (const call of batch.calls) call.failed(cause);
    } else if (fault === "unbound" || fault === "out_of_memory") {
      // The server has not run it, nor what was sent behind it: nothing is unsure.
      this.#askAllAgain(batch.calls);
    } else {
      this.#pending = this.#underWay().filter((call) => call.interrupted(error));
      this.#inFlight = [];
      this.#wantsLook ||= batch.calls.length === 0;
      if (this.#connection.up) this.#pause();
    }
    this.#planFlush();
    this.#setAlarm();
  }

  /** What is in flight was not run and goes again, in its order. */
  #askAllAgain(calls: readonly Call[]): void {
    this.#pending = this.#underWay();
    this.#inFlight = [];
    this.#wantsLook ||= calls.length === 0;
  }

  /** The server is there but does not take the call. */
  #pause(): void {
    const pauseMs = Math.min(retryMs.first * 2 ** this.#failures, retryMs.longest);
    this.#failures += 1;
    this.#retryAt = performance.now() + pauseMs;
  }

  /** When this lane has to act by itself, without being called. */
  #nextAlarm(): number {
    const [first] = this.#inFlight;
    if (first !== undefined) return first.sentAt + stalledMs;
    if (!this.#connection.up) return Number.POSITIVE_INFINITY;
    if (this.#retryAt > performance.now()) return this.#retryAt;
    if (this.#waiting.size === 0) return Number.POSITIVE_INFINITY;
    return Math.min(this.#calledAt + this.#waiting.shortestLeaseMs * heartbeatPart, this.#lookAt);
  }

  /** An alarm that is early costs one look at the clock; so one that is set is left alone unless it would be late. */
  #setAlarm(): void {
    const at = this.#nextAlarm();
    if (at >= this.#alarmAt || at === Number.POSITIVE_INFINITY) return;
    clearTimeout(this.#alarm);
    this.#alarmAt = at;
    this.#alarm = setTimeout(this.#ring, Math.max(0, at - performance.now()));
    this.#alarm.unref();
  }

  readonly #ring = (): void => {
    this.#alarmAt = Number.POSITIVE_INFINITY;
    const [batch] = this.#inFlight;
    const due = this.#nextAlarm() <= performance.now();
    if (due && batch !== undefined) {
      this.#connection.reset();
      this.#failed(batch, new Error(`no answer within ${stalledMs} ms`));
    } else if (due || this.#pending.length > 0) {
      this.#look();
    }
    this.#setAlarm();
  };
}

function incompatible(error: unknown): StoreIncompatibleError {
  const message = error instanceof Error ? error.message.replace(/^INCOMPATIBLE /, "") : "";
  return new StoreIncompatibleError(`the state in Redis is of a newer Sluice: ${message}`, { cause: error });
}
