import type { AcquireRequest, AcquireResult, Definition, LossReason, ReleaseRequest } from "../../store.js";
import { Alarm } from "../alarm.js";
import type { AcquireOperation, Answer, GrantAnswer, Notice, Operation } from "../operation.js";
import { type Applied, Ledger } from "./ledger.js";
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

/** A ledger in time: with the callers that wait, the holders to be told, and the timer for the next lapse. */
export class LiveSemaphore {
  readonly ledger: Ledger;
  /** By lease. Several callers wait for one lease when an attempt is repeated while the earlier one still waits. */
  readonly #waiting = new Map<string, WaitingCaller[]>();
  readonly #lossListeners = new Map<string, ((reason: LossReason) => void)[]>();
  readonly #lapseAlarm = new Alarm(() => this.apply([]), { keepsAlive: false });

  constructor(semaphore: string) {
    this.ledger = new Ledger(semaphore);
  }

  /** Applies operations that no caller waits behind, and tells everyone whom they concern. */
  apply(operations: readonly Operation[]): Answer[] {
    const applied = this.ledger.apply(operations, ledgerNow());
    this.#tell(applied);
    return applied.answers;
  }

  acquire(request: AcquireRequest, signal: AbortSignal | undefined): Promise<AcquireResult> {
    const applied = this.ledger.apply([acquireOperation(request)], ledgerNow());
    const result = this.#resultOf(request, applied);
    if (result !== undefined) {
      // A repeated attempt that does not wait takes its lease out of the queue, and with it the place of earlier ones.
      if (result.outcome === "timeout") this.#settle(request.lease, { outcome: "superseded" });
      this.#tell(applied);
      return Promise.resolve(result);
    }
    const caller = new WaitingCaller(request, signal, (who, departure) => this.#leave(who, departure));
    this.#waiting.set(request.lease, [...(this.#waiting.get(request.lease) ?? []), caller]);
    // Only now: free permits may have been handed to this very caller by the same call that queued it.
    this.#tell(applied);
    return caller.result;
  }

  release({ lease, attempt }: ReleaseRequest): boolean {
    const [answer] = this.apply([{ op: "release", lease, attempt }]);
    const released = answer?.answer === "released" && answer.found;
    if (released) this.#lossListeners.delete(lease);
    return released;
  }

  /** Fails everyone who waits, and forgets everything. */
  end(error: Error): void {
    this.#lapseAlarm.clear();
    this.#lossListeners.clear();
    for (const callers of this.#waiting.values()) for (const caller of callers) caller.reject(error);
    this.#waiting.clear();
  }

  /** Undefined where the acquire was queued. */
  #resultOf(request: AcquireRequest, applied: Applied): AcquireResult | undefined {
    const answer = applied.answers[0];
    if (answer === undefined || answer.answer === "queued") return undefined;
    if (answer.answer === "granted") this.#listenForLoss(request);
    return resultOf(answer, this.ledger.definition);
  }

  #listenForLoss({ lease, onLost }: AcquireRequest): void {
    if (onLost === undefined) return;
    this.#lossListeners.set(lease, [...(this.#lossListeners.get(lease) ?? []), onLost]);
  }

  #tell({ notices, lapsed }: Applied): void {
    for (const lease of lapsed) this.#tellLoss(lease, "lapsed");
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
    const applied = this.ledger.apply([acquireOperation(request)], ledgerNow());
    const result = this.#resultOf(request, applied);
    if (result !== undefined) this.#settle(lease, result);
    this.#tell(applied);
  }

  #settle(lease: string, result: AcquireResult): void {
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
    const limit = this.ledger.definition?.limit ?? 0;
    caller.resolve(departure === "aborted" ? { outcome: "aborted" } : { outcome: "timeout", limit });
    const others = (this.#waiting.get(lease) ?? []).filter((other) => other !== caller);
    this.#waiting.set(lease, others);
    const applied = this.ledger.apply([{ op: "cancel", lease, attempt }], ledgerNow());
    const [answer] = applied.answers;
    if (answer?.answer === "cancelled" && answer.found) this.#settle(lease, { outcome: "superseded" });
    this.#tell(applied);
  }

  /**
   * An alarm that rings too early, because the lease it was set for has been renewed or released, looks and is set
   * again: cheaper than moving a timer with every grant.
   */
  #tendAlarm(): void {
    const nextLapseAt = this.ledger.nextLapseAt ?? Number.POSITIVE_INFINITY;
    if (nextLapseAt < this.#lapseAlarm.at) this.#lapseAlarm.set(nextLapseAt);
    this.#lapseAlarm.keepAlive(this.#waiting.size > 0);
  }
}

function acquireOperation(request: AcquireRequest): AcquireOperation {
  return {
    op: "acquire",
    lease: request.lease,
    attempt: request.attempt,
    fingerprint: request.fingerprint,
    permits: request.permits,
    priority: request.priority,
    leaseMs: request.leaseMs,
    holder: request.holder,
    queue: request.waitMs > 0,
    create: request.create,
  };
}

/** `definition` is the one that the answer was decided by. */
function resultOf(answer: Answer | Notice, definition: Definition | undefined): AcquireResult {
  const { limit, maxWaiters } = definition ?? { limit: 0, maxWaiters: 0 };
  switch (answer.answer) {
    case "granted": {
      const { lease, permits, fence, leaseMs, expiresAt, again = false } = answer;
      return { outcome: "granted", lease, permits, fence, leaseMs, validUntil: expiresAt, limit, again };
    }
    case "timeout":
    case "exceeds_limit":
      return { outcome: answer.answer, limit };
    case "queue_full":
      return { outcome: "queue_full", limit, maxWaiters };
    case "reused":
      return { outcome: "reused" };
    default:
      return { outcome: "unknown" };
  }
}
