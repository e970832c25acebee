import type { AcquireRequest, AcquireResult, Claim, LossReason, ReleaseRequest } from "../../store.js";
import { Alarm } from "../alarm.js";
import type { Answer, DefiningOperation, GrantAnswer, Notice, Operation } from "../operation.js";
import { type Applied, Ledger, type LedgerStart } from "./ledger.js";
import type { Intent, State } from "./state.js";
import { acquireOperation, claimOperation, resultOf } from "./translation.js";
import { type Departure, WaitingCaller } from "./waiting.js";

/**
 * The ledger's clock: whole milliseconds of `performance.now()`, rounded down. A lease granted at 10.9 ms for 5 ms ends
 * at 15 by the ledger, which is 15.0 ms on the real clock: the ledger can first say "15 or later" at that very moment.
 * So `expiresAt` is at once what the holder may believe and the first moment at which someone else may be granted,
 * and the rounding costs the holder less than a millisecond. Rounded up, the ledger would end the lease while its own
 * `expiresAt` was still up to a millisecond away.
 */
export function ledgerNow(): number {
  return Math.floor(performance.now());
}

/**
 * A ledger in time: with the callers that wait, the holders to be told, the timer for the next lapse, and the state that
 * outlives the process where there is one.
 */
export class LiveSemaphore {
  readonly ledger: Ledger;
  readonly #state: State | undefined;
  /** By lease. Several callers wait for one lease when an attempt is repeated while the earlier one still waits. */
  readonly #waiting = new Map<string, WaitingCaller[]>();
  readonly #lossListeners = new Map<string, ((reason: LossReason) => void)[]>();
  /** Rings for the next lapse, and when those who wait may be granted something again. */
  readonly #alarm = new Alarm(() => this.apply([]), { keepsAlive: false });

  constructor(semaphore: string, start: LedgerStart, state: State | undefined) {
    this.ledger = new Ledger(semaphore, start);
    this.#state = state;
  }

  /**
   * Applies operations that no caller waits behind, and tells everyone whom they concern.
   *
   * @throws StoreUnavailableError when a longer lease than ever cannot be written down; nothing is done then
   */
  apply(operations: readonly Operation[]): Answer[] {
    const applied = this.#apply(operations);
    this.#tell(applied);
    return applied.answers;
  }

  /** @throws StoreUnavailableError as `apply` */
  acquire(request: AcquireRequest, signal: AbortSignal | undefined): Promise<AcquireResult> {
    const applied = this.#apply([acquireOperation(request)]);
    const result = this.#resultOf(request, applied);
    if (result !== undefined) {
      // A repeated attempt that does not wait takes its lease out of the queue, and with it the place of earlier ones.
      if (isRefusedNow(applied.answers[0])) this.#settle(request.lease, { outcome: "superseded" });
      this.#tell(applied);
      return Promise.resolve(result);
    }
    const caller = new WaitingCaller(request, signal, (who, departure) => this.#leave(who, departure));
    this.#waiting.set(request.lease, [...(this.#waiting.get(request.lease) ?? []), caller]);
    // Only now: free permits may have been handed to this very caller by the same call that queued it.
    this.#tell(applied);
    return caller.result;
  }

  /** From now on the losses of a claimed lease are told to its claimer alone. @throws StoreUnavailableError as `apply` */
  claim(claims: readonly Claim[]): Answer[] {
    const applied = this.#apply(claims.map(claimOperation));
    claims.forEach(({ lease, onLost }, index) => {
      if (applied.answers[index]?.answer !== "renewed") return;
      this.#lossListeners.delete(lease);
      this.#listenForLoss({ lease, onLost });
    });
    this.#tell(applied);
    return applied.answers;
  }

  /** What `change` would leave to be remembered. */
  intend(operation: DefiningOperation, now: number): Intent {
    // What is due lapses first: whether a semaphore can be removed depends on it.
    this.#tell(this.#apply([], now));
    return {
      semaphore: this.ledger.semaphore,
      permanent: this.ledger.permanentAfter(operation),
      longestLeaseMs: this.ledger.longestLease([operation], now),
    };
  }

  /** Changes or ends the definition. @param now that of the intent, if that had to be remembered */
  change(operation: DefiningOperation, now: number): Answer | undefined {
    const applied = this.#apply([operation], now);
    this.#tell(applied);
    return applied.answers[0];
  }

  release({ lease, attempt }: ReleaseRequest): boolean {
    const [answer] = this.apply([{ op: "release", lease, attempt }]);
    const released = answer?.answer === "released" && answer.found;
    if (released) this.#lossListeners.delete(lease);
    return released;
  }

  /** Fails everyone who waits, and forgets everything. */
  end(error: Error): void {
    this.#alarm.clear();
    this.#lossListeners.clear();
    for (const callers of this.#waiting.values()) for (const caller of callers) caller.reject(error);
    this.#waiting.clear();
  }

  #apply(operations: readonly Operation[], now = ledgerNow()): Applied {
    this.#state?.coverLease(this.ledger.longestLease(operations, now));
    const mayGrant = this.#state?.coverFence(this.ledger.highestFence(operations, now)) ?? true;
    const applied = this.ledger.apply(operations, now, mayGrant);
    // Before anything else is heard of it: a lease that has lapsed may be held anew already.
    for (const lease of applied.lapsed) this.#tellLoss(lease, "lapsed");
    return applied;
  }

  /** Undefined where the acquire was queued. */
  #resultOf(request: AcquireRequest, applied: Applied): AcquireResult | Promise<never> | undefined {
    const answer = applied.answers[0];
    if (answer === undefined || answer.answer === "queued") return undefined;
    if (answer.answer === "withheld") return this.#notGranted();
    if (answer.answer === "granted") this.#listenForLoss(request);
    return resultOf(answer, this.ledger.definition);
  }

  /** How an acquire ends that was not granted in its time. */
  #notGranted(): AcquireResult | Promise<never> {
    const now = ledgerNow();
    if (this.ledger.recovering(now)) {
      return { outcome: "recovering", retryAfterMs: this.ledger.recoverUntil - now };
    }
    if (this.#state?.failure !== undefined) return Promise.reject(this.#state.failure);
    return { outcome: "timeout", limit: this.ledger.definition?.limit ?? 0 };
  }

  #listenForLoss({ lease, onLost }: Pick<Claim, "lease" | "onLost">): void {
    if (onLost === undefined) return;
    this.#lossListeners.set(lease, [...(this.#lossListeners.get(lease) ?? []), onLost]);
  }

  #tell({ notices }: Applied): void {
    for (const notice of notices) this.#tellNotice(notice);
    this.#tendAlarm();
  }

  #tellNotice(notice: Notice): void {
    switch (notice.answer) {
      case "granted":
        this.#takeGrant(notice);
        break;
      case "exceeds_limit":
        this.#settle(notice.lease, resultOf(notice, this.ledger.definition));
        break;
      case "revoked":
        this.#tellLoss(notice.lease, "revoked");
        break;
      case "removed":
        this.#askAgain(notice.lease);
    }
  }

  #takeGrant(grant: GrantAnswer): void {
    const callers = this.#waiting.get(grant.lease) ?? [];
    // One signal may end many waits, one after the other: the abort of this caller is about to give the lease back.
    if (callers.at(-1)?.aborted) return;
    for (const { request } of callers) this.#listenForLoss(request);
    this.#settle(grant.lease, resultOf(grant, this.ledger.definition));
  }

  /** In a microtask of its own, so that a listener can neither reenter the ledger nor keep others from being told. */
  #tellLoss(lease: string, reason: LossReason): void {
    for (const onLost of this.#lossListeners.get(lease) ?? []) queueMicrotask(() => onLost(reason));
    this.#lossListeners.delete(lease);
  }

  /** The semaphore was removed under its waiters: the latest attempt asks as if it came now, for all of its lease. */
  #askAgain(lease: string): void {
    const request = this.#waiting.get(lease)?.at(-1)?.request;
    if (request === undefined) return;
    try {
      const applied = this.#apply([acquireOperation(request)]);
      const result = this.#resultOf(request, applied);
      if (result !== undefined) this.#settle(lease, result);
      this.#tell(applied);
    } catch (error) {
      this.#settle(lease, Promise.reject(error));
    }
  }

  #settle(lease: string, result: AcquireResult | Promise<never>): void {
    const callers = this.#waiting.get(lease) ?? [];
    this.#waiting.delete(lease);
    for (const caller of callers) caller.resolve(result);
  }

  /**
   * Only the latest attempt takes the lease out of the queue, and then the earlier ones have no place any more.
   * An earlier attempt leaves alone.
   */
  #leave(caller: WaitingCaller, departure: Departure): void {
    const { lease, attempt } = caller.request;
    caller.resolve(departure === "aborted" ? { outcome: "aborted" } : this.#notGranted());
    const others = (this.#waiting.get(lease) ?? []).filter((other) => other !== caller);
    this.#waiting.set(lease, others);
    const applied = this.#apply([{ op: "cancel", lease, attempt }]);
    const [answer] = applied.answers;
    if (answer?.answer === "cancelled" && answer.found) this.#settle(lease, { outcome: "superseded" });
    this.#tell(applied);
  }

  /**
   * An alarm that rings too early, because the lease it was set for has been renewed or released, looks and is set
   * again: cheaper than moving a timer with every grant.
   */
  #tendAlarm(): void {
    const waits = this.#waiting.size > 0;
    const nextLapseAt = this.ledger.nextLapseAt ?? Number.POSITIVE_INFINITY;
    const at = waits ? Math.min(nextLapseAt, this.#resumesAt()) : nextLapseAt;
    if (at < this.#alarm.at) this.#alarm.set(at);
    this.#alarm.keepAlive(waits);
  }

  /** When permits are given out again, perhaps; Infinity in ordinary times. */
  #resumesAt(): number {
    if (this.ledger.recovering(ledgerNow())) return this.ledger.recoverUntil;
    return this.#state?.failure === undefined ? Number.POSITIVE_INFINITY : this.#state.retryAt;
  }
}

function isRefusedNow(answer: Answer | undefined): boolean {
  return answer?.answer === "timeout" || answer?.answer === "withheld";
}
