import type { Definition, Page, SemaphoreStatus, Snapshot } from "../../store.js";
import type {
  AcquireOperation,
  Answer,
  ClaimOperation,
  DefiningOperation,
  Notice,
  Operation,
} from "../operation.js";
import { Count } from "./count.js";
import { FenceClock } from "./fences.js";
import { snapshotOf, statusOf } from "./look.js";
import { lapsed, type Turn } from "./turn.js";

/** How long a semaphore made in passing outlives its last use. */
const IDLE_MS = 600_000;

/** What one call did. */
export interface Applied {
  /** One for each operation, in their order. */
  readonly answers: Answer[];
  /** What happened to others, in the order in which it happened; grants are in the order of the queue. */
  readonly notices: Notice[];
  /** The leases that lapsed before the operations were decided. */
  readonly lapsed: string[];
}

/** A definition that stays until it is removed, and how often it has changed. */
export interface Permanent {
  readonly definition: Definition;
  readonly version: number;
}

/** What a ledger starts from. */
export interface LedgerStart {
  readonly fences?: FenceClock;
  /** Before this moment nothing is granted, and claims restore what was lost; 0: nothing is recovered. */
  readonly recoverUntil?: number;
  /** What is known of the semaphore from an earlier life. */
  readonly permanent?: Permanent | undefined;
  /** Every grant has a higher fence; 0 when left out. */
  readonly fenceSeen?: number;
}

/**
 * One semaphore as a state machine without clock or timers: the readable reference for the rules in `docs/protocol.md`.
 * The state and what happens to it depend on the calls of `apply` alone, so that another implementation can be held
 * against it.
 *
 * Every `now` is in whole milliseconds of one clock that never runs backward.
 */
export class Ledger {
  readonly semaphore: string;
  readonly recoverUntil: number;
  readonly #fences: FenceClock;
  /** The highest fence of the counts that are over: one that is made anew goes on above it. */
  #fenceSeen: number;
  #count: Count | undefined;
  #lastUsedAt = 0;

  constructor(semaphore: string, start: LedgerStart = {}) {
    const { fences = new FenceClock(), recoverUntil = 0, permanent, fenceSeen = 0 } = start;
    this.semaphore = semaphore;
    this.recoverUntil = recoverUntil;
    this.#fences = fences;
    this.#fenceSeen = fenceSeen;
    if (permanent !== undefined) this.#count = this.#newCount(permanent.definition, permanent.version);
  }

  /** Undefined as long as the semaphore does not exist. */
  get definition(): Definition | undefined {
    return this.#count?.definition;
  }

  get version(): number {
    return this.#count?.version ?? 0;
  }

  /** When the next lease lapses unless it is renewed or released; undefined without leases. */
  get nextLapseAt(): number | undefined {
    return this.#count?.nextLapseAt;
  }

  /** Acquires that are queued. */
  get waiting(): number {
    return this.#count?.queue.size ?? 0;
  }

  /** The highest fence that was given out or claimed, also in former lives of the semaphore. */
  get fence(): number {
    return this.#count?.fence ?? this.#fenceSeen;
  }

  recovering(now: number): boolean {
    return now < this.recoverUntil;
  }

  /**
   * Lapses what is due, decides the operations in order, then hands free permits to waiters.
   *
   * @param mayGrant false: as in a recovery nothing is granted, and those who wait are queued
   */
  apply(operations: readonly Operation[], now: number, mayGrant = true): Applied {
    const swept = this.#count?.sweep(now) ?? [];
    if (this.expired(now)) this.#end();
    const recovering = this.recovering(now);
    const turn: Turn = { now, recovering, granting: mayGrant && !recovering, notices: [] };
    const answers = operations.map((operation) => this.#decide(operation, turn));
    if (operations.length > 0) this.#lastUsedAt = now;
    this.#count?.handOff(turn);
    return { answers, notices: turn.notices, lapsed: swept };
  }

  /** Whether the semaphore was made in passing and has been out of use for so long that it exists no more. */
  expired(now: number): boolean {
    const count = this.#count;
    if (count === undefined || count.version > 0) return false;
    if (now < Math.max(this.#lastUsedAt, this.recoverUntil) + IDLE_MS) return false;
    return count.queue.size === 0 && !this.holds(now);
  }

  /** Whether a lease is held that has not lapsed. */
  holds(now: number): boolean {
    return [...(this.#count?.leases.values() ?? [])].some(({ expiresAt }) => expiresAt > now);
  }

  /** No fence that `apply` gives out, or learns of, is higher; 0 where it can do neither. */
  highestFence(operations: readonly Operation[], now: number): number {
    const asking = operations.filter(({ op }) => op === "acquire" || op === "claim").length + this.waiting;
    if (asking === 0) return 0;
    let highest = Math.max(this.fence, this.#fences.at(now));
    for (const operation of operations) {
      const claimed = operation.op === "claim" ? (operation.restore?.fence ?? 0) : 0;
      if (claimed > highest && this.#fences.plausible(claimed, now)) highest = claimed;
    }
    return highest + asking;
  }

  /** No lease that `apply` gives out, renews or restores lasts longer, but for those that waited before. */
  longestLease(operations: readonly Operation[], now: number): number {
    return operations.reduce((longestMs, one) => Math.max(longestMs, this.#leaseMsOf(one, now)), 0);
  }

  /** What the operation would leave of the definition; undefined: nothing permanent. */
  permanentAfter(operation: DefiningOperation): Permanent | undefined {
    const count = this.#count;
    if (operation.op === "remove") return count?.leases.size ? this.#permanent : undefined;
    if (operation.op === "define") {
      const { definition } = operation;
      return { definition, version: count?.versionAfter(definition) ?? 1 };
    }
    if (count === undefined) return undefined;
    const definition = { ...count.definition, limit: operation.limit };
    return { definition, version: count.versionAfter(definition) };
  }

  /** What the last `apply` left, or undefined where there is no semaphore. Looking is no use. */
  status(now: number): SemaphoreStatus | undefined {
    if (this.#count === undefined || this.expired(now)) return undefined;
    return statusOf(this.semaphore, this.#count, { now, recovering: this.recovering(now) });
  }

  /**
   * As `status`, with one page of leases and waiters.
   *
   * @throws InvalidArgumentError when the cursor is none of ours
   */
  snapshot(now: number, page: Page = {}): Snapshot | undefined {
    if (this.#count === undefined || this.expired(now)) return undefined;
    return snapshotOf(this.semaphore, this.#count, { now, recovering: this.recovering(now) }, page);
  }

  get #permanent(): Permanent | undefined {
    if (this.#count === undefined || this.#count.version === 0) return undefined;
    return { definition: this.#count.definition, version: this.#count.version };
  }

  #leaseMsOf(operation: Operation, now: number): number {
    switch (operation.op) {
      case "acquire": {
        const definition = this.expired(now) ? undefined : this.definition;
        return operation.leaseMs ?? (definition ?? operation.create)?.leaseMs ?? 0;
      }
      case "renew":
        return operation.leaseMs ?? 0;
      case "claim":
        return this.recovering(now) ? (operation.restore?.leaseMs ?? 0) : 0;
      case "define":
        return this.waiting > 0 ? operation.definition.leaseMs : 0;
      default:
        return 0;
    }
  }

  #decide(operation: Operation, turn: Turn): Answer {
    switch (operation.op) {
      case "acquire":
        return this.#acquire(operation, turn);
      case "cancel":
        return {
          answer: "cancelled",
          found: this.#count?.cancel(operation.lease, operation.attempt) ?? false,
        };
      case "release":
        return {
          answer: "released",
          found: this.#count?.release(operation.lease, operation.attempt) ?? false,
        };
      case "renew":
        return this.#count?.renew(operation.lease, operation.leaseMs, turn.now) ?? lapsed;
      case "claim":
        return this.#claim(operation, turn);
      case "define":
        return this.#define(operation.definition, turn.notices);
      case "resize":
        return this.#resize(operation.limit, turn.notices);
      case "revoke":
        return { answer: "revoked", found: this.#count?.revoke(operation.lease, turn.notices) ?? false };
      case "remove":
        return this.#remove(turn.notices);
    }
  }

  #acquire(asked: AcquireOperation, turn: Turn): Answer {
    if (asked.create !== undefined) this.#count ??= this.#newCount(asked.create, 0);
    return this.#count?.acquire(asked, turn) ?? { answer: "unknown" };
  }

  #claim(claimed: ClaimOperation, turn: Turn): Answer {
    const create = turn.recovering ? claimed.restore?.create : undefined;
    if (create !== undefined) this.#count ??= this.#newCount(create, 0);
    return this.#count?.claim(claimed, turn) ?? lapsed;
  }

  #define(definition: Definition, notices: Notice[]): Answer {
    if (this.#count !== undefined) {
      this.#count.define(definition, notices);
      return { answer: "defined", created: false };
    }
    this.#count = this.#newCount(definition, 1);
    return { answer: "defined", created: true };
  }

  #resize(limit: number, notices: Notice[]): Answer {
    if (this.#count === undefined) return { answer: "unknown" };
    this.#count.define({ ...this.#count.definition, limit }, notices);
    return { answer: "resized" };
  }

  #remove(notices: Notice[]): Answer {
    if (this.#count === undefined) return { answer: "unknown" };
    if (this.#count.leases.size > 0) return { answer: "in_use" };
    for (const { lease } of this.#count.queue) notices.push({ answer: "removed", lease });
    this.#end();
    return { answer: "removed" };
  }

  #newCount(definition: Definition, version: number): Count {
    return new Count(definition, version, this.#fences, this.#fenceSeen);
  }

  #end(): void {
    this.#fenceSeen = this.fence;
    this.#count = undefined;
  }
}
