import type { Definition, Restore } from "../../store.js";
import type { AcquireOperation, Answer, ClaimOperation, GrantAnswer, Notice } from "../operation.js";
import { Expiries } from "./expiries.js";
import type { FenceClock } from "./fences.js";
import { Queue } from "./queue.js";
import { grantAnswer, type HeldLease, type Waiter } from "./records.js";
import { lapsed, notNow, type Turn } from "./turn.js";

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
  readonly queue = new Queue<Waiter>();
  /** The highest fence that was given out or claimed. */
  fence: number;
  readonly #fences: FenceClock;
  readonly #leases = new Map<string, HeldLease>();
  /** A grant keeps the leases in the order of their fences, a restored lease may not. */
  #unsorted = false;
  readonly #expiries = new Expiries<HeldLease>();
  #tickets = 0;

  /** @param fence the highest one of the semaphore's former lives */
  constructor(definition: Definition, version: number, fences: FenceClock, fence: number) {
    this.definition = onlyDefinition(definition);
    this.version = version;
    this.#fences = fences;
    this.fence = fence;
  }

  /** In the order of their fences, hence of their grants. */
  get leases(): ReadonlyMap<string, HeldLease> {
    if (this.#unsorted) this.#sortLeases();
    return this.#leases;
  }

  get nextLapseAt(): number | undefined {
    return this.#expiries.earliest?.expiresAt;
  }

  /** Ends the leases whose time is over; returns their names. */
  sweep(now: number): string[] {
    const names: string[] = [];
    for (let first = this.#expiries.earliest; first !== undefined; first = this.#expiries.earliest) {
      if (first.expiresAt > now) break;
      this.#free(first);
      this.lapsesTotal += 1;
      names.push(first.lease);
    }
    return names;
  }

  acquire(asked: AcquireOperation, turn: Turn): Answer {
    const held = this.#leases.get(asked.lease);
    if (held !== undefined) return returnAgain(held, asked);
    const waiter = this.queue.get(asked.lease);
    if (waiter !== undefined) return this.#queueAgain(waiter, asked, turn);
    if (this.#neverFits(asked.permits)) return { answer: "exceeds_limit" };
    // One who does not wait is judged after those who do: what they leave over is free.
    if (!asked.queue) this.handOff(turn);
    const free = this.queue.size === 0 && this.#fits(asked.permits);
    if (free && turn.granting) return this.#grant(asked, turn.now);
    if (!asked.queue) return notNow(turn);
    if (this.queue.size >= this.definition.maxWaiters) return { answer: "queue_full" };
    return this.#enqueue(asked, turn.now);
  }

  /** Removes the waiter, or gives the lease back, where it belongs to `attempt`. */
  cancel(lease: string, attempt: string): boolean {
    if (this.queue.get(lease)?.attempt === attempt) return this.queue.remove(lease);
    return !this.#leases.get(lease)?.shared && this.release(lease, attempt);
  }

  /** Gives the lease back; where an `attempt` is given, only if it belongs to that. */
  release(lease: string, attempt: string | undefined): boolean {
    const held = this.#leases.get(lease);
    if (held === undefined) return false;
    if (attempt !== undefined && held.attempt !== attempt) return false;
    this.#free(held);
    return true;
  }

  renew(lease: string, leaseMs: number | undefined, now: number): Answer {
    const held = this.#leases.get(lease);
    if (held === undefined) return lapsed;
    if (held.revoked) return { answer: "lost", reason: "revoked" };
    const expiresAt = now + (leaseMs ?? held.leaseMs);
    // Never to an earlier end: a holder that missed the answer goes by an older one.
    this.#expiries.move(held, Math.max(expiresAt, held.expiresAt));
    return { answer: "renewed", expiresAt };
  }

  /** Renews the lease, which belongs to the claim's attempt from now on. */
  claim({ lease, attempt, restore }: ClaimOperation, turn: Turn): Answer {
    const held = this.#leases.get(lease);
    if (held === undefined) {
      return restore === undefined || !turn.recovering
        ? lapsed
        : this.#restore(lease, attempt, restore, turn);
    }
    const answer = this.renew(lease, undefined, turn.now);
    if (held.revoked) return answer;
    held.attempt = attempt;
    held.shared = true;
    return answer;
  }

  /** Marks the lease; its permits stay taken. False where there is no such lease. */
  revoke(lease: string, notices: Notice[]): boolean {
    const held = this.#leases.get(lease);
    if (held === undefined) return false;
    if (held.revoked) return true;
    held.revoked = true;
    this.revocationsTotal += 1;
    notices.push({ answer: "revoked", lease });
    return true;
  }

  /** Replaces the definition, which makes the semaphore permanent, and fails the waiters that it has no room for. */
  define(definition: Definition, notices: Notice[]): void {
    this.version = this.versionAfter(definition);
    this.definition = onlyDefinition(definition);
    for (const waiter of [...this.queue].filter(({ permits }) => this.#neverFits(permits))) {
      this.queue.remove(waiter.lease);
      notices.push({ answer: "exceeds_limit", lease: waiter.lease });
    }
  }

  /** The version that a definition would have. */
  versionAfter(definition: Definition): number {
    // Becoming permanent is a change too: version 0 says that nobody but constructors and acquires has defined it.
    const changes = this.version === 0 || !sameDefinition(this.definition, definition);
    return changes ? this.version + 1 : this.version;
  }

  /** Grants from the head of the queue as long as the head fits. */
  handOff({ now, granting, notices }: Turn): void {
    if (!granting) return;
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

  #queueAgain(waiter: Waiter, asked: AcquireOperation, turn: Turn): Answer {
    if (waiter.fingerprint !== asked.fingerprint) return { answer: "reused" };
    waiter.attempt = asked.attempt;
    if (asked.queue) return { answer: "queued" };
    this.queue.remove(waiter.lease);
    return notNow(turn);
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
    const held: HeldLease = {
      lease,
      attempt,
      fingerprint,
      permits,
      fence: Math.max(this.fence + 1, this.#fences.at(now)),
      leaseMs,
      holder,
      grantedAt: now,
      expiresAt: now + leaseMs,
      revoked: false,
      shared: false,
      heapIndex: 0,
    };
    this.#hold(held);
    this.grantsTotal += 1;
    return grantAnswer(held);
  }

  /**
   * Takes a lease for held that a holder tells of, whether or not there is room for it. Who waits under its name has
   * asked for the very same: it has its lease.
   */
  #restore(lease: string, attempt: string, told: Restore, { now, notices }: Turn): Answer {
    const { permits, fence, leaseMs, holder } = told;
    const waiter = this.queue.get(lease);
    if (!this.#fences.plausible(fence, now) || (waiter !== undefined && waiter.permits !== permits)) {
      return lapsed;
    }
    this.queue.remove(lease);
    const held: HeldLease = {
      lease,
      attempt,
      fingerprint: waiter?.fingerprint,
      permits,
      fence,
      leaseMs,
      holder,
      grantedAt: this.#fences.grantedAt(fence, now),
      expiresAt: now + leaseMs,
      revoked: false,
      shared: true,
      heapIndex: 0,
    };
    this.#unsorted = true;
    this.#hold(held);
    if (waiter !== undefined) notices.push({ ...grantAnswer(held), again: true });
    return { answer: "renewed", expiresAt: held.expiresAt };
  }

  #hold(held: HeldLease): void {
    this.fence = Math.max(this.fence, held.fence);
    this.#leases.set(held.lease, held);
    this.#expiries.add(held);
    this.inUse += held.permits;
  }

  #sortLeases(): void {
    this.#unsorted = false;
    const sorted = [...this.#leases.values()].sort((one, other) => one.fence - other.fence);
    this.#leases.clear();
    for (const held of sorted) this.#leases.set(held.lease, held);
  }

  #free(held: HeldLease): void {
    this.#leases.delete(held.lease);
    this.#expiries.remove(held);
    this.inUse -= held.permits;
  }
}

/** The answer to an acquire of a lease that is held already. */
function returnAgain(held: HeldLease, asked: AcquireOperation): Answer {
  if (held.revoked || !isSameRequest(held, asked)) return { answer: "reused" };
  const again = held.attempt !== asked.attempt;
  held.fingerprint = asked.fingerprint;
  held.shared ||= again;
  held.attempt = asked.attempt;
  return { ...grantAnswer(held), again };
}

function isSameRequest(held: HeldLease, asked: AcquireOperation): boolean {
  return held.fingerprint === undefined
    ? held.permits === asked.permits
    : held.fingerprint === asked.fingerprint;
}

/** Callers may hand in objects that carry more than a definition. */
function onlyDefinition({ limit, leaseMs, maxWaiters }: Definition): Definition {
  return { limit, leaseMs, maxWaiters };
}

function sameDefinition(one: Definition, other: Definition): boolean {
  return one.limit === other.limit && one.leaseMs === other.leaseMs && one.maxWaiters === other.maxWaiters;
}
