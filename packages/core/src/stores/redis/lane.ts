import type { AcquireRequest, AcquireResult, Claim, Grant, LossReason, RenewResult } from "../../store.js";
import { Alarm } from "../alarm.js";
import { ServerClock } from "../server-clock.js";
import { AcquireCall, type AcquireLane, type GrantTerms } from "./acquire-call.js";
import { Batches, type BatchListener } from "./batches.js";
import { type Call, Errand } from "./call.js";
import { HeldLeases } from "./held.js";
import type { Link } from "./link.js";
import { Recollection, type Remembered } from "./recollection.js";
import { WaitingCalls } from "./waiting.js";
import {
  encode,
  factsKey,
  type Knowledge,
  knowledge,
  type Notices,
  type Push,
  type Reply,
  refusals,
  type WireAnswer,
} from "./wire.js";

/** A process with waiters calls at least so often, as a part of their shortest lease; it is silent after a whole one. */
const heartbeatPart = 1 / 4;
/** A push may be under way when a reply has come, or be ahead of it: what differs is looked at once more. */
const pushDelayMs = 25;

/** When, and on which terms, something happened in the server. */
interface Moment {
  readonly now: number;
  readonly fenceBase: number;
  readonly leaseMs: number;
  readonly limit: number;
}

export interface LaneOptions {
  readonly connection: Link;
  readonly prefix: string;
  readonly semaphore: string;
  readonly maxLeaseMs: number;
  readonly holder: string;
  /** A number greater than every one before, over all lanes of this process. */
  readonly nextBatch: () => number;
  /** What the server should know about its present life. */
  readonly knowledge: () => Knowledge;
  /** The definition that was last seen, should the server have lost it. */
  readonly remembered: Remembered | undefined;
  /** Told after each call that found the semaphore. */
  readonly seen: () => void;
  /** Told when the semaphore recovers, until when by `performance.now()`, and why. */
  readonly recovers: (until: number, cause: string) => void;
}

/**
 * What one process holds of one semaphore and waits for, and what the server says about it: in answers, and in notices
 * that come with a reply or by a push.
 */
export class Lane implements AcquireLane, BatchListener {
  readonly semaphore: string;
  readonly holder: string;
  readonly key: string;
  limit: number | undefined;
  readonly #options: LaneOptions;
  readonly #connection: Link;
  readonly #batches: Batches;
  readonly #clock = new ServerClock();
  readonly #waiting = new WaitingCalls();
  readonly #held = new HeldLeases();
  readonly #recollection: Recollection;
  readonly #alarm = new Alarm(() => this.#ring(), { keepsAlive: false });
  /** Notices of what is still to be answered. */
  #early: (() => void)[] = [];
  /** Whether the semaphore exists, as far as this process knows. */
  #known = false;
  #leaseMs = 0;
  /** When the earliest lease lapses, or pushes that are under way have arrived. */
  #lookAt = Number.POSITIVE_INFINITY;
  #doubted = false;

  constructor(options: LaneOptions) {
    const { connection, prefix, semaphore, maxLeaseMs, holder, nextBatch } = options;
    this.#options = options;
    this.#connection = connection;
    this.semaphore = semaphore;
    this.holder = holder;
    this.key = factsKey(prefix, semaphore);
    this.#recollection = new Recollection({
      held: this.#held,
      remembered: options.remembered,
      isInUse: () => this.#held.size > 0 || this.#waiting.size > 0,
      outcome: (lease, answer, reply) => this.#outcome(lease, answer, reply),
      run: (text) => this.run(text),
      recovers: options.recovers,
    });
    this.#batches = new Batches({
      connection,
      key: this.key,
      maxLeaseMs,
      holder,
      nextNumber: nextBatch,
      knowledge: () => ({
        knowledge: this.limit === undefined ? options.knowledge() : knowledge.none,
        servedAgoMs: this.#servedAgoMs(),
      }),
      listener: this,
    });
  }

  acquire(request: AcquireRequest, signal: AbortSignal | undefined): Promise<AcquireResult> {
    return new Promise((resolve, reject) => {
      const call = new AcquireCall(this, request, signal, resolve, reject);
      call.earlier = this.#waiting.join(call);
      this.ask(call, !this.#known);
    });
  }

  get responsive(): boolean {
    return this.#batches.responsive;
  }

  get recoveryMs(): number {
    return this.#recollection.recoveryMs;
  }

  /** The definition as it was last seen; undefined where the semaphore was gone then. */
  get remembered(): Remembered | undefined {
    return this.#recollection.remembered;
  }

  get cause(): unknown {
    return this.#connection.cause;
  }

  /** Something is under way to the server. */
  get busy(): boolean {
    return this.#batches.busy;
  }

  /** Nothing is held, waits or is under way. */
  get idle(): boolean {
    return !this.busy && this.#waiting.empty && this.#held.size === 0;
  }

  send(call: Call): void {
    this.#batches.send(call);
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

  placed(call: AcquireCall, sequence: number): void {
    this.#waiting.place(call.request.lease, sequence);
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

  granted(
    { request }: AcquireCall,
    { fence, expiresAt, ownedAt, leaseMs, again = false }: GrantTerms,
  ): Grant | undefined {
    const now = performance.now();
    // The server's clock may have jumped forward since the pair was taken; and no lease outlives its time from now on.
    const validUntil = Math.min(this.#clock.validUntil(expiresAt), now + leaseMs);
    if (validUntil <= now) return undefined;
    const { lease, permits, holder, attempt, onLost } = request;
    if (fence > this.#batches.fenceSeen) this.#batches.fenceSeen = fence;
    const terms = { permits, fence, leaseMs, holder, ownedAt };
    this.#held.add({ lease, attempt, terms, onLost }, validUntil);
    return { outcome: "granted", lease, permits, fence, leaseMs, validUntil, limit: this.limit ?? 0, again };
  }

  /**
   * What the answer to a renewal means. A server that recovers may have lost the lease, and is told of it: that it has
   * lapsed is believed then when the claim is refused, too.
   */
  renewed(lease: string, answer: WireAnswer, reply: Reply): RenewResult | Promise<RenewResult> {
    const claim = this.#recollection.claimAgain(lease, answer, reply, (call) =>
      this.#batches.sendFirst([call]),
    );
    return claim ?? this.#outcome(lease, answer, reply);
  }

  #outcome(lease: string, answer: WireAnswer, reply: Reply): RenewResult {
    if (typeof answer === "number" && answer > 0) {
      const validUntil = this.#clock.validUntil(reply.now + answer);
      this.#held.extend(lease, validUntil, answer);
      return { lease, renewed: true, validUntil };
    }
    const reason = answer === refusals.revoked ? "revoked" : "lapsed";
    this.lost(lease, reason);
    return { lease, renewed: false, reason };
  }

  /** What the answer to a claim means. */
  claimed(claim: Claim, answer: WireAnswer, reply: Reply): RenewResult {
    const result = this.#outcome(claim.lease, answer, reply);
    if (result.renewed) this.#held.handOver(claim, result.validUntil, reply.now);
    return result;
  }

  /** The lease is about to be released. Returns until when it was believed. */
  letGo(lease: string): number {
    return this.#held.remove(lease);
  }

  lost(lease: string, reason: LossReason): void {
    this.#held.lose(lease, reason);
  }

  /** Calls, be there something to ask or not. */
  look(): void {
    this.#batches.look();
  }

  /**
   * What is pending goes, and what is waited for is compared. Another life of the server may have lost all: it is told
   * first what there was.
   */
  connected(): void {
    const isKnown = this.#clock.knows(this.#connection.incarnation);
    if (!isKnown || this.#recollection.recoveryMs > 0) {
      this.#tell(this.#recollection.begin());
    }
    this.#batches.connected();
  }

  disconnected(cause: unknown): void {
    this.#batches.lost(cause);
  }

  pushed(push: Push): void {
    // Another life of the server has another clock: nothing can be said of its times before it has answered a call.
    if (!this.#clock.knows(push.incarnation)) {
      this.#batches.look();
      return;
    }
    this.limit = push.limit;
    this.#noticed(push.notices, push);
  }

  heard(reply: Reply, sent: { readonly at: number; readonly incarnation: string }): void {
    this.#clock.pair(sent.incarnation, sent.at, reply.now);
    this.#known = reply.limit >= 0;
    if (this.#known) this.#options.seen();
    if (this.#recollection.note(reply)) this.#tell(this.#recollection.tell());
    this.limit = Math.max(0, reply.limit);
    // One that is gone, and of which nothing is remembered, has nothing to lose.
    if (!this.#known && this.remembered === undefined) this.#batches.fenceSeen = 0;
    this.#leaseMs = reply.leaseMs;
    this.#waiting.noteLeaseMs(reply.leaseMs);
    this.#lookAt = reply.lapseInMs > 0 ? performance.now() + reply.lapseInMs + 1 : Number.POSITIVE_INFINITY;
  }

  answered(reply: Reply): void {
    if (reply.notices !== undefined) this.#noticed(reply.notices, reply);
    this.#compare(reply);
    if (this.#early.length > 0) this.#actOnEarlyNotices();
    if (this.#waiting.size > 0) this.#setAlarm();
  }

  /** Ends every acquire, and tells the server so. */
  close(cause: Error): void {
    for (const call of [...this.#waiting.all(), ...this.#batches.underWay]) {
      if (call instanceof AcquireCall) call.failed(cause);
    }
  }

  /** Fails what is left; nothing of the lane keeps the process alive. */
  end(cause: Error): void {
    this.#alarm.clear();
    this.#early = [];
    this.#batches.end(cause);
  }

  /** Drops what is known of leases that are over. */
  tidy(): void {
    this.#held.dropBefore(performance.now() - this.#options.maxLeaseMs);
  }

  /** Whoever has known this life of the server for longer holds nothing any more of what another one has granted. */
  #servedAgoMs(): number | undefined {
    const { incarnation, knownForMs } = this.#connection;
    const earlier = this.#clock.incarnation;
    const isSame = earlier === incarnation || earlier.startsWith(`${incarnation}+`);
    if (earlier === "" || isSame || knownForMs > this.#options.maxLeaseMs) return undefined;
    return performance.now() - this.#clock.answeredAt;
  }

  /** What the server may have lost is told before anything else is asked. */
  #tell(calls: readonly Call[]): void {
    this.#batches.sendFirst([...calls, ...this.#waiting.takeAllForAsking()]);
  }

  #noticed(notices: Notices, at: Moment): void {
    for (const [lease, number] of notices.grants) this.#handedOver(lease, at.fenceBase + number, at);
    for (const lease of notices.misfits) this.#misfit(lease, at);
    for (const lease of notices.revoked) this.#revoked(lease);
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
      call.take({ fence, expiresAt: at.now + leaseMs, ownedAt: at.now, leaseMs });
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

  #revoked(lease: string): void {
    if (this.#held.has(lease)) this.lost(lease, "revoked");
    else this.#whenAnswered(() => this.lost(lease, "revoked"));
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
    if (this.#batches.flying) this.#early.push(act);
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
    if (!this.#doubted) {
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

  /** When those who wait need a call: as a heartbeat, or because of what may have happened by then. */
  #nextLookAt(): number {
    if (this.#waiting.size === 0) return Number.POSITIVE_INFINITY;
    return Math.min(this.#batches.calledAt + this.#waiting.shortestLeaseMs * heartbeatPart, this.#lookAt);
  }

  /** An alarm that rings too early looks and is set again: cheaper than to move a timer with every call. */
  #setAlarm(): void {
    const at = this.#nextLookAt();
    if (at < this.#alarm.at) this.#alarm.set(at);
  }

  #ring(): void {
    // Where the server is away, whoever waits is compared as soon as it is back.
    if (this.#nextLookAt() <= performance.now()) this.#batches.look();
    else this.#setAlarm();
  }
}
