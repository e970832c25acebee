import { newAttemptId } from "../../ids.js";
import type { AcquireRequest, Grant } from "../../store.js";
import type { Applicant } from "./applicant.js";
import type { Applicants } from "./applicants.js";
import { Holdings } from "./holdings.js";
import type { Served } from "./line.js";
import type { Pace } from "./pace.js";
import type { Quorum } from "./quorum.js";
import type { LeaseRecord, Slotted, StoredDefinition } from "./records.js";
import { maxLimit } from "./scripts.js";
import { mayBeHeld, type View } from "./view.js";

/** One who does not wait gives up after so many votes that were lost to others. */
const mostLostVotes = 20;

export interface TakingSetup {
  readonly semaphore: string;
  readonly quorum: Quorum;
  readonly applicants: Applicants;
  readonly pace: Pace;
  readonly maxLeaseMs: number;
}

/** Votes for those whose turn has come, and what becomes of the slots that were won or lost. */
export class Taking {
  readonly held = new Holdings();
  readonly #semaphore: string;
  readonly #quorum: Quorum;
  readonly #applicants: Applicants;
  readonly #pace: Pace;
  readonly #maxLeaseMs: number;
  readonly #givingBack = new Set<Promise<unknown>>();

  constructor({ semaphore, quorum, applicants, pace, maxLeaseMs }: TakingSetup) {
    this.#semaphore = semaphore;
    this.#quorum = quorum;
    this.#applicants = applicants;
    this.#pace = pace;
    this.#maxLeaseMs = maxLeaseMs;
  }

  /** What is being given back at the moment. */
  async settled(): Promise<void> {
    await Promise.all(this.#givingBack);
  }

  async takeAll(served: readonly Served[], definition: StoredDefinition, view: View): Promise<void> {
    // Above all that a majority has granted, and no lower than the time, should they have forgotten.
    const round = Math.max(view.granted + 1, view.now);
    await Promise.all(served.map((one, index) => this.#take(one, round + index, definition, view)));
  }

  /** Whoever asks again for a lease that is held gets that one, which belongs to the latest attempt from then on. */
  async returnTo(applicant: Applicant, view: View): Promise<void> {
    const seen = view.leases.get(applicant.lease);
    const { request } = applicant;
    if (seen?.record === undefined || !mayBeHeld(seen, view, this.#quorum)) return;
    if (seen.revoked || !isSameRequest(seen.record, request)) {
      this.#applicants.settle(applicant, { outcome: "reused" });
      return;
    }
    // Taken over by another process, which was granted it.
    if (applicant.entered && seen.record.attempt !== request.attempt && !this.held.get(applicant.lease)) {
      this.#applicants.settle(applicant, { outcome: "superseded" });
      return;
    }
    const again = seen.record.attempt !== request.attempt;
    const { attempt, fingerprint } = request;
    const turn = seen.record.turn + 1;
    const record: LeaseRecord = { ...seen.record, attempt, fingerprint, turn, nonce: newAttemptId() };
    const slotted: Slotted = { record, slots: seen.slots };
    const verdict = await this.#quorum.vote("c", this.#semaphore, slotted, record.leaseMs);
    if (verdict.carried) this.#grant(applicant, slotted, verdict.validUntil, again);
    else this.#lost(applicant);
  }

  async #take({ applicant, slots }: Served, round: number, by: StoredDefinition, view: View): Promise<void> {
    const record = this.#recordOf(applicant.request, round * maxLimit + (slots[0] ?? 0), by, view);
    const slotted: Slotted = { record, slots };
    const verdict = await this.#quorum.vote("t", this.#semaphore, slotted, record.leaseMs);
    if (verdict.carried && this.#isTimely(verdict.validUntil, view)) {
      this.#quorum.spread("n", this.#semaphore, slotted, record.leaseMs);
      this.#granted(applicant, slotted, verdict.validUntil);
      return;
    }
    this.#giveBack(slotted);
    this.#lost(applicant);
  }

  #recordOf(request: AcquireRequest, fence: number, by: StoredDefinition, view: View): LeaseRecord {
    const { lease, attempt, fingerprint, permits, holder } = request;
    const { revision, author } = by;
    return {
      lease,
      nonce: newAttemptId(),
      fence,
      turn: 0,
      revision,
      author,
      attempt,
      fingerprint,
      permits,
      leaseMs: Math.min(request.leaseMs ?? by.leaseMs, this.#maxLeaseMs),
      holder,
      grantedAt: view.now,
    };
  }

  /** After a pause the masters may have forgotten what the look has seen. */
  #isTimely(validUntil: number, view: View): boolean {
    const now = performance.now();
    return now < validUntil && now - view.sentAt < this.#maxLeaseMs;
  }

  #granted(applicant: Applicant, slotted: Slotted, validUntil: number): void {
    if (!applicant.open) this.#giveBack(slotted);
    // A later attempt finds the lease with the next look.
    else if (applicant.request.attempt !== slotted.record.attempt) this.#pace.hurry();
    else this.#grant(applicant, slotted, validUntil, false);
  }

  #grant(applicant: Applicant, slotted: Slotted, validUntil: number, again: boolean): void {
    if (!applicant.open) return;
    const { lease, permits, fence, leaseMs } = slotted.record;
    const listeners = applicant.callers.map(({ request }) => request.onLost);
    this.held.add(slotted, validUntil, listeners);
    const { limit } = this.#applicants;
    const grant: Grant = { outcome: "granted", lease, permits, fence, leaseMs, validUntil, limit };
    this.#applicants.settle(applicant, again ? { ...grant, again } : grant);
    this.#pace.hurry();
  }

  #lost(applicant: Applicant): void {
    applicant.lost += 1;
    this.#pace.yieldTo(applicant.lost);
    if (applicant.open && !applicant.patient && applicant.lost > mostLostVotes)
      this.#applicants.refuse(applicant);
  }

  /** What cannot be given back lapses. */
  #giveBack(slotted: Slotted): void {
    const release = this.#quorum.release(this.#semaphore, slotted);
    const done = release.catch(() => {}).finally(() => this.#givingBack.delete(done));
    this.#givingBack.add(done);
  }
}

function isSameRequest(record: LeaseRecord, request: AcquireRequest): boolean {
  return record.fingerprint === undefined
    ? record.permits === request.permits
    : record.fingerprint === request.fingerprint;
}
