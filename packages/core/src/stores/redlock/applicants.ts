import type { AcquireRequest, AcquireResult } from "../../store.js";
import { Applicant, Caller, type Departure } from "./applicant.js";
import { takePlaceOf } from "./line.js";
import type { WaiterRecord } from "./records.js";
import type { View } from "./view.js";

const mostEntered = 256;

/** All who ask for leases of one semaphore in this process, and what the masters have to hear of them. */
export class Applicants {
  /** The limit as it was last seen. */
  limit = 0;
  /** By `performance.now()`. */
  recoversUntil = 0;
  /** Why the masters could not be asked when it was last tried. */
  failure: unknown;
  readonly #process: string;
  readonly #changed: () => void;
  readonly #byLease = new Map<string, Applicant>();
  /** Leases that the masters may have in their queues still. */
  #leaving: string[] = [];

  /**
   * @param process the name of this store among the processes that wait
   * @param changed somebody has come or left
   */
  constructor(process: string, changed: () => void) {
    this.#process = process;
    this.#changed = changed;
  }

  get size(): number {
    return this.#byLease.size;
  }

  get all(): Applicant[] {
    return [...this.#byLease.values()];
  }

  get someLeave(): boolean {
    return this.#leaving.length > 0;
  }

  ask(request: AcquireRequest, signal: AbortSignal | undefined): Promise<AcquireResult> {
    const caller = new Caller(request, signal, (leaver, departure) => this.#leave(leaver, departure));
    const known = this.#byLease.get(request.lease);
    if (known !== undefined && known.request.fingerprint !== request.fingerprint) {
      caller.resolve({ outcome: "reused" });
    } else if (known !== undefined) {
      known.callers.push(caller);
    } else {
      this.#byLease.set(request.lease, new Applicant(caller));
    }
    this.#changed();
    return caller.result;
  }

  /** The latest attempt gets `result`; the earlier ones too, unless they are told of it. */
  settle(applicant: Applicant, result: AcquireResult, earlier: AcquireResult = result): void {
    if (!applicant.open) return;
    this.#forget(applicant);
    applicant.settle(result, earlier);
  }

  /** There is nothing for one who does not wait. */
  refuse(applicant: Applicant): void {
    this.settle(applicant, this.#notNow(), { outcome: "superseded" });
  }

  /** The masters are away: whoever does not wait is told at once. */
  fail(error: unknown): void {
    this.failure = error;
    for (const applicant of this.all) if (!applicant.patient) this.#reject(applicant, error);
  }

  failAll(error: unknown): void {
    for (const applicant of this.all) this.#reject(applicant, error);
  }

  /** Those who have a place, and of whom the masters do not know yet. They count as entered from now on. */
  takeEntering(): Applicant[] {
    const entering = this.all.filter(({ place, entered }) => place !== undefined && !entered);
    const some = entering.slice(0, mostEntered);
    for (const applicant of some) applicant.entered = true;
    return some;
  }

  takeLeaving(): string[] {
    const leaving = this.#leaving;
    this.#leaving = [];
    return leaving;
  }

  /** The masters could not be told. */
  putBack(entering: readonly Applicant[], leaving: readonly string[]): void {
    for (const applicant of entering) applicant.entered = false;
    this.#leaving.push(...leaving);
  }

  /** As the masters keep it. */
  waiterText({ request, since }: Applicant): string {
    const { attempt, permits, priority, holder } = request;
    const record: WaiterRecord = { process: this.#process, attempt, permits, priority, holder, since };
    return JSON.stringify(record);
  }

  /** A master that was away when one of our waiters left: others would wait for it as long as we look. */
  removeLeft(view: View): void {
    for (const { lease, record } of view.waiters)
      if (record.process === this.#process && !this.#byLease.has(lease)) this.#leaving.push(lease);
  }

  /**
   * A waiter that another process has taken over is not ours any more; one that we take over has a place; and masters
   * that have lost their queues are told again.
   */
  comparePlaces(view: View): void {
    const seen = new Map(view.waiters.map((waiter) => [waiter.lease, waiter]));
    for (const applicant of this.all) {
      const waiter = seen.get(applicant.lease);
      if (waiter === undefined || waiter.record.process === this.#process) continue;
      if (applicant.entered) this.settle(applicant, { outcome: "superseded" });
      else if (applicant.patient) takePlaceOf(applicant, waiter);
    }
    this.#enterLost(view, seen);
  }

  /** Somebody waits of whom the masters do not know. */
  get someEnter(): boolean {
    return this.all.some(({ place, entered }) => place !== undefined && !entered);
  }

  #enterLost(view: View, seen: ReadonlyMap<string, unknown>): void {
    const last = view.waiters.at(-1)?.place ?? Number.POSITIVE_INFINITY;
    for (const applicant of this.all) {
      const { place, entered, lease } = applicant;
      if (entered && place !== undefined && place <= last && !seen.has(lease)) applicant.entered = false;
    }
  }

  /** Only the latest attempt leaves the queue; then earlier ones have no place any more. */
  #leave(caller: Caller, departure: Departure): void {
    const applicant = this.#byLease.get(caller.request.lease);
    if (applicant === undefined || !applicant.callers.includes(caller)) return;
    const result: AcquireResult = departure === "aborted" ? { outcome: "aborted" } : this.#notNow();
    if (departure === "timeout" && this.failure !== undefined) {
      this.#reject(applicant, this.failure);
    } else if (applicant.isLatest(caller)) {
      this.settle(applicant, result, { outcome: "superseded" });
    } else {
      applicant.callers.splice(applicant.callers.indexOf(caller), 1);
      caller.resolve(result);
    }
    this.#changed();
  }

  #reject(applicant: Applicant, error: unknown): void {
    this.#forget(applicant);
    applicant.fail(error);
  }

  #forget(applicant: Applicant): void {
    this.#byLease.delete(applicant.lease);
    if (applicant.place !== undefined) this.#leaving.push(applicant.lease);
  }

  #notNow(): AcquireResult {
    const recoversMs = this.recoversUntil - performance.now();
    if (recoversMs > 0) return { outcome: "recovering", retryAfterMs: Math.ceil(recoversMs) };
    return { outcome: "timeout", limit: this.limit };
  }
}
