import type { Definition, Page, SemaphoreStatus, Snapshot } from "../../store.js";
import type { AcquireOperation, Answer, Notice, Operation } from "../operation.js";
import { Count } from "./count.js";
import { snapshotOf, statusOf } from "./look.js";

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

/**
 * One semaphore as a state machine without clock or timers: the readable reference for the rules in `docs/protocol.md`.
 * The state and what happens to it depend on the calls of `apply` alone, so that another implementation can be held
 * against it.
 *
 * Every `now` is in whole milliseconds of one clock that never runs backward.
 */
export class Ledger {
  readonly semaphore: string;
  #count: Count | undefined;
  #lastUsedAt = 0;

  constructor(semaphore: string) {
    this.semaphore = semaphore;
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

  /** Lapses what is due, decides the operations in order, then hands free permits to waiters. */
  apply(operations: readonly Operation[], now: number): Applied {
    const lapsed = this.#count?.sweep(now) ?? [];
    if (this.expired(now)) this.#count = undefined;
    const notices: Notice[] = [];
    const answers = operations.map((operation) => this.#decide(operation, now, notices));
    if (operations.length > 0) this.#lastUsedAt = now;
    this.#count?.handOff(now, notices);
    return { answers, notices, lapsed };
  }

  /** Whether the semaphore was made in passing and has been out of use for so long that it exists no more. */
  expired(now: number): boolean {
    const count = this.#count;
    if (count === undefined || count.version > 0 || now < this.#lastUsedAt + IDLE_MS) return false;
    return count.queue.size === 0 && [...count.leases.values()].every(({ expiresAt }) => expiresAt <= now);
  }

  /** What the last `apply` left, or undefined where there is no semaphore. Looking is no use. */
  status(now: number): SemaphoreStatus | undefined {
    if (this.#count === undefined || this.expired(now)) return undefined;
    return statusOf(this.semaphore, this.#count, now);
  }

  /**
   * As `status`, with one page of leases and waiters.
   *
   * @throws InvalidArgumentError when the cursor is none of ours
   */
  snapshot(now: number, page: Page = {}): Snapshot | undefined {
    if (this.#count === undefined || this.expired(now)) return undefined;
    return snapshotOf(this.semaphore, this.#count, now, page);
  }

  #decide(operation: Operation, now: number, notices: Notice[]): Answer {
    switch (operation.op) {
      case "acquire":
        return this.#acquire(operation, now, notices);
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
        return (
          this.#count?.renew(operation.lease, operation.leaseMs, now) ?? { answer: "lost", reason: "lapsed" }
        );
      case "define":
        return this.#define(operation.definition, notices);
      case "resize":
        return this.#resize(operation.limit, notices);
      case "revoke":
        return { answer: "revoked", found: this.#count?.revoke(operation.lease, notices) ?? false };
      case "remove":
        return this.#remove(notices);
    }
  }

  #acquire(asked: AcquireOperation, now: number, notices: Notice[]): Answer {
    if (this.#count === undefined && asked.create !== undefined) this.#count = new Count(asked.create, 0);
    return this.#count?.acquire(asked, now, notices) ?? { answer: "unknown" };
  }

  #define(definition: Definition, notices: Notice[]): Answer {
    if (this.#count !== undefined) {
      this.#count.define(definition, notices);
      return { answer: "defined", created: false };
    }
    this.#count = new Count(definition, 1);
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
    this.#count = undefined;
    return { answer: "removed" };
  }
}
