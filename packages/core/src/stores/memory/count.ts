import type { Definition } from "../../store.js";
import type { AcquireOperation, Answer, GrantAnswer, Notice } from "../operation.js";
import { Expiries } from "./expiries.js";
import { Queue } from "./queue.js";

/** Permits that are held. Times are in the store's clock, in whole milliseconds. */
export interface HeldLease {
  readonly lease: string;
  /** The attempt that the lease belongs to: the latest that asked for it. */
  attempt: string;
  readonly fingerprint: string;
  readonly permits: number;
  readonly fence: number;
  readonly leaseMs: number;
  readonly holder: string;
  readonly grantedAt: number;
  expiresAt: number;
  revoked: boolean;
  /** Another attempt asked for it after it was granted: an abort that crosses must not end what a caller may hold. */
  shared: boolean;
  heapIndex: number;
}

/** An acquire that is queued. */
export interface Waiter {
  readonly lease: string;
  /** The attempt that the place belongs to: the latest that asked for it. */
  attempt: string;
  readonly fingerprint: string;
  readonly permits: number;
  readonly priority: number;
  /** Undefined: what the definition says when the lease is granted. */
  readonly leaseMs: number | undefined;
  readonly holder: string;
  readonly queuedAt: number;
  /** Grows with every arrival; with the priority it names the place for paging. */
  readonly ticket: number;
}

/**
 * The permits of a semaphore that exists: who holds them, who waits for them, and how one operation changes that.
 * The permits handed out are the sum over `leases`; `inUse` is kept beside them for speed.
 */
export class Count {
  definition: Definition;
  /** 0 as long as the semaphore was made in passing alone. */
  version: number;
  inUse = 0;
  grantsTotal = 0;
  lapsesTotal = 0;
  revocationsTotal = 0;
  /** In the order of their grants, hence of their fences. */
  readonly leases = new Map<string, HeldLease>();
  readonly queue = new Queue<Waiter>();
  readonly #expiries = new Expiries<HeldLease>();
  #fence = 0;
  #tickets = 0;

  constructor(definition: Definition, version: number) {
    this.definition = onlyDefinition(definition);
    this.version = version;
  }

  get nextLapseAt(): number | undefined {
    return this.#expiries.earliest?.expiresAt;
  }

  /** Ends the leases whose time is over; returns their names. */
  sweep(now: number): string[] {
    const lapsed: string[] = [];
    for (let first = this.#expiries.earliest; first !== undefined; first = this.#expiries.earliest) {
      if (first.expiresAt > now) break;
      this.#free(first);
      this.lapsesTotal += 1;
      lapsed.push(first.lease);
    }
    return lapsed;
  }

  acquire(asked: AcquireOperation, now: number, notices: Notice[]): Answer {
    const held = this.leases.get(asked.lease);
    if (held !== undefined) return returnAgain(held, asked);
    const waiter = this.queue.get(asked.lease);
    if (waiter !== undefined) return this.#queueAgain(waiter, asked);
    if (this.#neverFits(asked.permits)) return { answer: "exceeds_limit" };
    // One who does not wait is judged after those who do: what they leave over is free.
    if (!asked.queue) this.handOff(now, notices);
    if (this.queue.size === 0 && this.#fits(asked.permits)) return this.#grant(asked, now);
    if (!asked.queue) return { answer: "timeout" };
    if (this.queue.size >= this.definition.maxWaiters) return { answer: "queue_full" };
    return this.#enqueue(asked, now);
  }

  /** Removes the waiter, or gives the lease back, where it belongs to `attempt`. */
  cancel(lease: string, attempt: string): boolean {
    if (this.queue.get(lease)?.attempt === attempt) return this.queue.remove(lease);
    return !this.leases.get(lease)?.shared && this.release(lease, attempt);
  }

  /** Gives the lease back; where an `attempt` is given, only if it belongs to that. */
  release(lease: string, attempt: string | undefined): boolean {
    const held = this.leases.get(lease);
    if (held === undefined) return false;
    if (attempt !== undefined && held.attempt !== attempt) return false;
    this.#free(held);
    return true;
  }

  renew(lease: string, leaseMs: number | undefined, now: number): Answer {
    const held = this.leases.get(lease);
    if (held === undefined) return { answer: "lost", reason: "lapsed" };
    if (held.revoked) return { answer: "lost", reason: "revoked" };
    const expiresAt = now + (leaseMs ?? held.leaseMs);
    // Never to an earlier end: a holder that missed the answer goes by an older one.
    this.#expiries.move(held, Math.max(expiresAt, held.expiresAt));
    return { answer: "renewed", expiresAt };
  }

  /** Marks the lease; its permits stay taken. False where there is no such lease. */
  revoke(lease: string, notices: Notice[]): boolean {
    const held = this.leases.get(lease);
    if (held === undefined) return false;
    if (held.revoked) return true;
    held.revoked = true;
    this.revocationsTotal += 1;
    notices.push({ answer: "revoked", lease });
    return true;
  }

  /** Replaces the definition, which makes the semaphore permanent, and fails the waiters that it has no room for. */
  define(definition: Definition, notices: Notice[]): void {
    const before = this.definition;
    this.definition = onlyDefinition(definition);
    // Becoming permanent is a change too: version 0 says that nobody but constructors and acquires has defined it.
    if (this.version === 0 || !sameDefinition(before, definition)) this.version += 1;
    for (const waiter of [...this.queue].filter(({ permits }) => this.#neverFits(permits))) {
      this.queue.remove(waiter.lease);
      notices.push({ answer: "exceeds_limit", lease: waiter.lease });
    }
  }

  /** Grants from the head of the queue as long as the head fits. */
  handOff(now: number, notices: Notice[]): void {
    for (let head = this.queue.head; head !== undefined; head = this.queue.head) {
      if (!this.#fits(head.permits)) return;
      this.queue.remove(head.lease);
      notices.push(this.#grant(head, now));
    }
  }

  #fits(permits: number): boolean {
    return this.inUse + permits <= this.definition.limit;
  }

  /** A limit of 0 pauses, it does not refuse. */
  #neverFits(permits: number): boolean {
    return this.definition.limit > 0 && permits > this.definition.limit;
  }

  #queueAgain(waiter: Waiter, asked: AcquireOperation): Answer {
    if (waiter.fingerprint !== asked.fingerprint) return { answer: "reused" };
    waiter.attempt = asked.attempt;
    if (asked.queue) return { answer: "queued" };
    this.queue.remove(waiter.lease);
    return { answer: "timeout" };
  }

  #enqueue(asked: AcquireOperation, now: number): Answer {
    const { lease, attempt, fingerprint, permits, priority, leaseMs, holder } = asked;
    const ticket = ++this.#tickets;
    this.queue.add({
      lease,
      attempt,
      fingerprint,
      permits,
      priority,
      leaseMs,
      holder,
      queuedAt: now,
      ticket,
    });
    return { answer: "queued" };
  }

  #grant(asked: AcquireOperation | Waiter, now: number): GrantAnswer {
    const { lease, attempt, fingerprint, permits, holder } = asked;
    const leaseMs = asked.leaseMs ?? this.definition.leaseMs;
    const fence = Math.max(this.#fence + 1, now * 1000);
    const held: HeldLease = {
      lease,
      attempt,
      fingerprint,
      permits,
      fence,
      leaseMs,
      holder,
      grantedAt: now,
      expiresAt: now + leaseMs,
      revoked: false,
      shared: false,
      heapIndex: 0,
    };
    this.#fence = fence;
    this.leases.set(lease, held);
    this.#expiries.add(held);
    this.inUse += permits;
    this.grantsTotal += 1;
    return grantAnswer(held);
  }

  #free(held: HeldLease): void {
    this.leases.delete(held.lease);
    this.#expiries.remove(held);
    this.inUse -= held.permits;
  }
}

/** The answer to an acquire of a lease that is held already. */
function returnAgain(held: HeldLease, asked: AcquireOperation): Answer {
  if (held.revoked || held.fingerprint !== asked.fingerprint) return { answer: "reused" };
  const again = held.attempt !== asked.attempt;
  held.shared ||= again;
  held.attempt = asked.attempt;
  return { ...grantAnswer(held), again };
}

function grantAnswer({ lease, permits, fence, leaseMs, expiresAt }: HeldLease): GrantAnswer {
  return { answer: "granted", lease, permits, fence, leaseMs, expiresAt };
}

/** Callers may hand in objects that carry more than a definition. */
function onlyDefinition({ limit, leaseMs, maxWaiters }: Definition): Definition {
  return { limit, leaseMs, maxWaiters };
}

function sameDefinition(one: Definition, other: Definition): boolean {
  return one.limit === other.limit && one.leaseMs === other.leaseMs && one.maxWaiters === other.maxWaiters;
}
