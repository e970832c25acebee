import { StoreUnavailableError } from "../../errors.js";
import { newAttemptId } from "../../ids.js";
import type { AcquireRequest, AcquireResult, Grant } from "../../store.js";
import { Applicant, Caller, type Departure } from "./applicant.js";
import { type Definitions, existing, requireLimit } from "./definitions.js";
import { Holdings } from "./holdings.js";
import { queue, type Served, serve, takePlaceOf } from "./line.js";
import type { Quorum } from "./quorum.js";
import {
  isNewer,
  type LeaseRecord,
  type Slotted,
  type StoredDefinition,
  type WaiterRecord,
} from "./records.js";
import { maxLimit } from "./scripts.js";
import { lookAt, mayBeHeld, type View } from "./view.js";

/** How long a lane with waiters rests between two looks: from the one to the other while nothing happens. */
const pauses = { shortestMs: 8, longestMs: 100, growth: 1.5 } as const;
const awayPauseMs = 100;
/** How often a lane looks whether a lease that it holds was revoked. */
const watchMs = 1_000;
/** One who does not wait gives up after so many votes that were lost to others. */
const mostLostVotes = 20;
const mostEntered = 256;
const farewellMs = 1_000;

export interface LaneSetup {
  readonly semaphore: string;
  readonly quorum: Quorum;
  readonly definitions: Definitions;
  /** The name of this store among the processes that wait. */
  readonly process: string;
  readonly maxLeaseMs: number;
}

/**
 * The acquires of one process on one semaphore. It works in turns, one after the other: a look at what a majority of
 * masters knows, then a vote for each applicant whose turn has come. What arrives during a turn goes into the next.
 */
export class Lane {
  readonly held = new Holdings();
  readonly #semaphore: string;
  readonly #quorum: Quorum;
  readonly #definitions: Definitions;
  readonly #process: string;
  readonly #maxLeaseMs: number;
  readonly #applicants = new Map<string, Applicant>();
  /** Leases that the masters may have in their queues still. */
  #leaving: string[] = [];
  #turning = false;
  #again = false;
  #timer: NodeJS.Timeout | undefined;
  #pauseMs: number = pauses.shortestMs;
  #failure: unknown;
  #recoversUntil = 0;
  #limit = 0;
  /** The newest that was seen. */
  #definition: StoredDefinition | undefined;
  #closed = false;

  constructor({ semaphore, quorum, definitions, process, maxLeaseMs }: LaneSetup) {
    this.#semaphore = semaphore;
    this.#quorum = quorum;
    this.#definitions = definitions;
    this.#process = process;
    this.#maxLeaseMs = maxLeaseMs;
  }

  /** Nothing is held, and nobody waits. */
  get idle(): boolean {
    return this.#applicants.size === 0 && this.held.size === 0 && !this.#turning;
  }

  acquire(request: AcquireRequest, signal: AbortSignal | undefined): Promise<AcquireResult> {
    if (request.create !== undefined) requireLimit(request.create.limit);
    const caller = new Caller(request, signal, (leaver, departure) => this.#leave(leaver, departure));
    const known = this.#applicants.get(request.lease);
    if (known !== undefined && known.request.fingerprint !== request.fingerprint) {
      caller.resolve({ outcome: "reused" });
    } else if (known !== undefined) {
      known.callers.push(caller);
    } else {
      this.#applicants.set(request.lease, new Applicant(caller));
    }
    this.wake();
    return caller.result;
  }

  /** Something has changed: looks at once. */
  wake(): void {
    this.#pauseMs = pauses.shortestMs;
    this.#again = true;
    if (!this.#turning) this.#start();
  }

  /** Permits came back here: whoever waits need not wait for the next look. */
  freed(): void {
    if (this.#applicants.size > 0) this.wake();
  }

  /** Fails those who wait, and takes them out of the masters' queues. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const applicant of this.#applicants.values()) {
      if (applicant.place !== undefined) this.#leaving.push(applicant.lease);
      applicant.fail(new StoreUnavailableError("the store is closed"));
    }
    this.#applicants.clear();
    if (this.#leaving.length === 0) return;
    const farewell = this.#look().catch(() => {});
    await Promise.race([farewell, new Promise((resolve) => setTimeout(resolve, farewellMs).unref())]);
  }

  #start(): void {
    clearTimeout(this.#timer);
    this.#turning = true;
    // What is asked for in the same tick goes together.
    queueMicrotask(() => void this.#turn());
  }

  async #turn(): Promise<void> {
    this.#again = false;
    let restMs = awayPauseMs * (0.5 + Math.random());
    try {
      await this.#quorum.reachable();
      const view = await this.#look();
      this.#failure = undefined;
      this.#watch(view);
      if (this.#isUpToDate(view)) await this.#decide(view);
      restMs = this.#rest(view);
    } catch (error) {
      this.#fail(error);
    }
    this.#turning = false;
    this.#plan(restMs);
  }

  #plan(restMs: number): void {
    if (this.#closed) return;
    const waits = this.#applicants.size > 0;
    if (this.#again || (this.#leaving.length > 0 && this.#failure === undefined)) {
      this.#start();
    } else if (waits || this.#leaving.length > 0) {
      this.#timer = setTimeout(() => this.#start(), restMs);
    } else if (this.held.watched) {
      this.#timer = setTimeout(() => this.#start(), watchMs).unref();
    }
  }

  /**
   * Teaches masters that do not know the definition. False where none of them knows the newest one any more, but we do:
   * nothing is decided by an older one.
   */
  #isUpToDate(view: View): boolean {
    const known = this.#definition;
    const lost = known !== undefined && isNewer(known, view.definition);
    if (!lost) this.#definition = view.definition;
    const taught = lost ? { ...view, definition: known, behind: this.#quorum.masters } : view;
    this.#definitions.teach(this.#semaphore, taught);
    return !lost;
  }

  /** Longer and longer while nothing happens, never past the next lapse, and never all at once. */
  #rest(view: View): number {
    const restMs = this.#pauseMs * (0.75 + Math.random() / 2);
    this.#pauseMs = Math.min(this.#pauseMs * pauses.growth, pauses.longestMs);
    return Math.min(restMs, Math.max(1, view.nextLapseMs + 1));
  }

  /** Enters waiters on the way, and takes those out that have left. */
  async #look(): Promise<View> {
    const entering = [...this.#applicants.values()]
      .filter((applicant) => applicant.place !== undefined && !applicant.entered)
      .slice(0, mostEntered);
    const leaving = this.#leaving;
    this.#leaving = [];
    const enter = entering.map(
      (one) => [one.lease, one.place ?? 0, one.ticket, this.#waiterText(one)] as const,
    );
    for (const applicant of entering) applicant.entered = true;
    try {
      return await lookAt(this.#quorum, this.#semaphore, { process: this.#process, enter, remove: leaving });
    } catch (error) {
      for (const applicant of entering) applicant.entered = false;
      this.#leaving.push(...leaving);
      throw error;
    }
  }

  #waiterText({ request, since }: Applicant): string {
    const { attempt, permits, priority, holder } = request;
    const record: WaiterRecord = { process: this.#process, attempt, permits, priority, holder, since };
    return JSON.stringify(record);
  }

  async #decide(view: View): Promise<void> {
    if (this.#applicants.size === 0) return;
    this.#recoversUntil = view.recoversMs > 0 ? performance.now() + view.recoversMs : 0;
    this.#comparePlaces(view);
    await this.#returnHeld(view);
    const definition = existing(view);
    if (definition === undefined) {
      await this.#create(view);
      return;
    }
    this.#limit = definition.limit;
    this.#refuseTooLarge(definition);
    const served =
      view.recoversMs > 0 ? [] : serve([...this.#applicants.values()], this.#process, definition, view);
    const asked = new Set(served.map(({ applicant }) => applicant));
    this.#queueOthers(asked, definition, view);
    await this.#takeAll(served, definition, view);
  }

  /** A waiter that another process has taken over is not ours any more; one that we take over has a place. */
  #comparePlaces(view: View): void {
    const seen = new Map(view.waiters.map((waiter) => [waiter.lease, waiter]));
    this.#removeLeft(view);
    for (const applicant of this.#applicants.values()) {
      const waiter = seen.get(applicant.lease);
      if (waiter === undefined || waiter.record.process === this.#process) continue;
      if (applicant.entered) this.#settle(applicant, { outcome: "superseded" });
      else if (applicant.patient) takePlaceOf(applicant, waiter);
    }
    this.#enterLost(view, seen);
  }

  /** A master that was away when one of our waiters left. */
  #removeLeft(view: View): void {
    for (const { lease, record } of view.waiters)
      if (record.process === this.#process && !this.#applicants.has(lease)) this.#leaving.push(lease);
  }

  /** Masters that have lost their queues are told again. */
  #enterLost(view: View, seen: ReadonlyMap<string, unknown>): void {
    const last = view.waiters.at(-1)?.place ?? Number.POSITIVE_INFINITY;
    for (const applicant of this.#applicants.values()) {
      const { place, entered, lease } = applicant;
      if (!entered || place === undefined || place > last || seen.has(lease)) continue;
      applicant.entered = false;
      this.#again = true;
    }
  }

  /** Whoever asks again for a lease that is held gets that one, which belongs to the latest attempt from then on. */
  async #returnHeld(view: View): Promise<void> {
    const asked = [...this.#applicants.values()].filter(({ lease }) => view.leases.has(lease));
    if (asked.length === 0) return;
    const detailed = await lookAt(this.#quorum, this.#semaphore, { process: this.#process, records: true });
    await Promise.all(asked.map((applicant) => this.#returnTo(applicant, detailed)));
  }

  async #returnTo(applicant: Applicant, view: View): Promise<void> {
    const seen = view.leases.get(applicant.lease);
    const { request } = applicant;
    if (seen?.record === undefined || !mayBeHeld(seen, view, this.#quorum)) return;
    if (seen.revoked || !isSameRequest(seen.record, request)) {
      this.#settle(applicant, { outcome: "reused" });
      return;
    }
    // Taken over by another process, which was granted it.
    if (applicant.entered && seen.record.attempt !== request.attempt && !this.held.get(applicant.lease)) {
      this.#settle(applicant, { outcome: "superseded" });
      return;
    }
    const again = seen.record.attempt !== request.attempt;
    const { attempt, fingerprint } = request;
    const turn = seen.record.turn + 1;
    const record: LeaseRecord = { ...seen.record, attempt, fingerprint, turn, nonce: newAttemptId() };
    const slotted: Slotted = { record, slots: seen.slots };
    const verdict = await this.#quorum.vote("c", this.#semaphore, slotted, record.leaseMs);
    if (verdict.carried) this.#grant(applicant, slotted, verdict.validUntil, again);
    else this.#again = true;
  }

  async #create(view: View): Promise<void> {
    const applicants = [...this.#applicants.values()];
    const definition = applicants.find(({ request }) => request.create !== undefined)?.request.create;
    for (const applicant of applicants)
      if (applicant.request.create === undefined) this.#settle(applicant, { outcome: "unknown" });
    if (definition === undefined) return;
    await this.#definitions.create(this.#semaphore, view, definition);
    this.#again = true;
  }

  #refuseTooLarge({ limit }: StoredDefinition): void {
    for (const applicant of this.#applicants.values())
      if (limit > 0 && applicant.request.permits > limit)
        this.#settle(applicant, { outcome: "exceeds_limit", limit });
  }

  #queueOthers(asked: ReadonlySet<Applicant>, definition: StoredDefinition, view: View): void {
    const { limit, maxWaiters } = definition;
    const all = [...this.#applicants.values()];
    let waiting = view.waiting + all.filter(({ place, entered }) => place !== undefined && !entered).length;
    let ticket = Math.max(view.ticket, ...all.map((applicant) => applicant.ticket));
    for (const applicant of all) {
      if (asked.has(applicant) || (applicant.patient && applicant.place !== undefined)) continue;
      if (!applicant.patient) {
        this.#settle(applicant, this.#notNow(limit), { outcome: "superseded" });
      } else if (waiting >= maxWaiters) {
        this.#settle(applicant, { outcome: "queue_full", limit, maxWaiters });
      } else {
        waiting += 1;
        ticket += 1;
        queue(applicant, ticket, view);
        this.#again = true;
      }
    }
  }

  async #takeAll(served: readonly Served[], definition: StoredDefinition, view: View): Promise<void> {
    if (served.length === 0) return;
    // Above all that a majority has granted, and no lower than the time, should they have forgotten.
    const round = Math.max(view.granted + 1, view.now);
    await Promise.all(served.map((one, index) => this.#take(one, round + index, definition, view)));
  }

  async #take(
    { applicant, slots }: Served,
    round: number,
    definition: StoredDefinition,
    view: View,
  ): Promise<void> {
    const { request } = applicant;
    const leaseMs = Math.min(request.leaseMs ?? definition.leaseMs, this.#maxLeaseMs);
    const { lease, attempt, fingerprint, permits, holder } = request;
    const { revision, author } = definition;
    const fence = round * maxLimit + (slots[0] ?? 0);
    const record: LeaseRecord = {
      lease,
      nonce: newAttemptId(),
      fence,
      turn: 0,
      revision,
      author,
      attempt,
      fingerprint,
      permits,
      leaseMs,
      holder,
      grantedAt: view.now,
    };
    const slotted: Slotted = { record, slots };
    const verdict = await this.#quorum.vote("t", this.#semaphore, slotted, leaseMs);
    if (verdict.carried && this.#isTimely(verdict.validUntil, view)) {
      this.#quorum.confirm(this.#semaphore, slotted, leaseMs);
      this.#granted(applicant, slotted, verdict.validUntil);
      return;
    }
    this.#giveBack(slotted);
    this.#lost(applicant);
  }

  /** After a pause the masters may have forgotten what the look has seen. */
  #isTimely(validUntil: number, view: View): boolean {
    const now = performance.now();
    return now < validUntil && now - view.sentAt < this.#maxLeaseMs;
  }

  #granted(applicant: Applicant, slotted: Slotted, validUntil: number): void {
    if (!applicant.open) this.#giveBack(slotted);
    else if (applicant.request.attempt !== slotted.record.attempt) this.#again = true;
    else this.#grant(applicant, slotted, validUntil, false);
  }

  #grant(applicant: Applicant, slotted: Slotted, validUntil: number, again: boolean): void {
    if (!applicant.open) return;
    const { lease, permits, fence, leaseMs } = slotted.record;
    const listeners = applicant.callers.map(({ request }) => request.onLost);
    this.held.add(slotted, validUntil, listeners);
    const limit = this.#limit;
    const grant: Grant = { outcome: "granted", lease, permits, fence, leaseMs, validUntil, limit };
    this.#settle(applicant, again ? { ...grant, again } : grant);
    this.#pauseMs = pauses.shortestMs;
  }

  /** Others were faster: not at once again, or they would meet again. */
  #lost(applicant: Applicant): void {
    applicant.lost += 1;
    this.#pauseMs = Math.min(2 * 2 ** Math.min(applicant.lost, 5), pauses.longestMs);
    if (applicant.open && !applicant.patient && applicant.lost > mostLostVotes)
      this.#settle(applicant, this.#notNow(this.#limit), { outcome: "superseded" });
  }

  /** What cannot be given back lapses. */
  #giveBack(slotted: Slotted): void {
    void this.#quorum.release(this.#semaphore, slotted).catch(() => {});
  }

  /** Holders hear of what happened to their leases behind their backs. */
  #watch(view: View): void {
    const now = performance.now();
    for (const { record, validUntil } of [...this.held.values()]) {
      const seen = view.leases.get(record.lease);
      if (seen?.revoked) this.held.lose(record.lease, "revoked");
      else if (seen === undefined && now > validUntil) this.held.lose(record.lease, "lapsed");
    }
  }

  #settle(applicant: Applicant, result: AcquireResult, earlier: AcquireResult = result): void {
    if (!applicant.open) return;
    this.#applicants.delete(applicant.lease);
    if (applicant.place !== undefined) this.#leaving.push(applicant.lease);
    applicant.settle(result, earlier);
  }

  /** Only the latest attempt leaves the queue; then earlier ones have no place any more. */
  #leave(caller: Caller, departure: Departure): void {
    const applicant = this.#applicants.get(caller.request.lease);
    const result: AcquireResult =
      departure === "aborted" ? { outcome: "aborted" } : this.#notNow(this.#limit);
    if (applicant === undefined || !applicant.callers.includes(caller)) return;
    if (departure === "timeout" && this.#failure !== undefined) {
      this.#applicants.delete(applicant.lease);
      if (applicant.place !== undefined) this.#leaving.push(applicant.lease);
      applicant.fail(this.#failure);
    } else if (applicant.isLatest(caller)) {
      this.#settle(applicant, result, { outcome: "superseded" });
    } else {
      applicant.callers.splice(applicant.callers.indexOf(caller), 1);
      caller.resolve(result);
    }
    this.wake();
  }

  #notNow(limit: number): AcquireResult {
    const recoversMs = this.#recoversUntil - performance.now();
    if (recoversMs > 0) return { outcome: "recovering", retryAfterMs: Math.ceil(recoversMs) };
    return { outcome: "timeout", limit };
  }

  /** The masters are away: whoever does not wait is told at once. */
  #fail(error: unknown): void {
    this.#failure = error;
    for (const applicant of [...this.#applicants.values()]) {
      if (applicant.patient) continue;
      this.#applicants.delete(applicant.lease);
      applicant.fail(error);
    }
  }
}

function isSameRequest(record: LeaseRecord, request: AcquireRequest): boolean {
  return record.fingerprint === undefined
    ? record.permits === request.permits
    : record.fingerprint === request.fingerprint;
}
