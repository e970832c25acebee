import { newAttemptId } from "../../ids.js";
import type { Claim, LossReason, Renewal, RenewResult, Restore } from "../../store.js";
import type { Lane } from "./lane.js";
import type { Quorum, Verdict } from "./quorum.js";
import type { LeaseRecord, Slotted } from "./records.js";
import { maxLimit } from "./scripts.js";
import { FreeSlots } from "./slots.js";
import { lookAt, mayBeHeld, type SeenLease, type View } from "./view.js";

/** How long a release is tried for its caller, and from one try to the next; it goes on for as long as the lease. */
const patienceMs = 2_000;
const retryMs = 50;

/** A fence so far ahead of the masters' clock was never given out. */
const implausibleMs = 86_400_000;

/** Leases of one semaphore after they were granted: renewed, claimed, released. */
export class Tenure {
  readonly #quorum: Quorum;
  readonly #semaphore: string;
  readonly #lane: Lane;
  readonly #maxLeaseMs: number;

  constructor(quorum: Quorum, semaphore: string, lane: Lane, maxLeaseMs: number) {
    this.#quorum = quorum;
    this.#semaphore = semaphore;
    this.#lane = lane;
    this.#maxLeaseMs = maxLeaseMs;
  }

  /** @throws StoreUnavailableError where too few masters answer to know */
  async renew(renewals: readonly Renewal[]): Promise<RenewResult[]> {
    if (renewals.length === 0) return [];
    const foreign = renewals.some(({ lease }) => this.#lane.held.get(lease) === undefined);
    const view = foreign ? await this.#look() : undefined;
    return Promise.all(renewals.map((renewal) => this.#renew(renewal, view)));
  }

  /** @throws StoreUnavailableError where too few masters answer to know */
  async claim(claims: readonly Claim[]): Promise<RenewResult[]> {
    if (claims.length === 0) return [];
    const view = await this.#look();
    const free = new FreeSlots(maxLimit, view);
    return Promise.all(claims.map((claim) => this.#claim(claim, view, free)));
  }

  /** @throws StoreUnavailableError after two seconds; it is tried until the lease has lapsed all the same */
  async release(lease: string, attempt: string | undefined): Promise<boolean> {
    const startedAt = performance.now();
    const held = this.#lane.held.get(lease);
    const believed = held !== undefined && startedAt < held.validUntil;
    // From now on no loss is told, whether or not the masters can be asked.
    if (attempt === undefined || held?.record.attempt === attempt) this.#lane.held.drop(lease);
    let slotted: Slotted | undefined = held;
    for (let repeated = false; ; repeated = true) {
      try {
        const released = await this.#release(lease, attempt, slotted, believed);
        // A release that is repeated finds nothing where the first one was carried out.
        return released || (repeated && believed);
      } catch (error) {
        if (performance.now() - startedAt > patienceMs) {
          if (slotted !== undefined) this.#releaseLater(slotted);
          throw error;
        }
        await pause(retryMs);
        slotted = held;
      }
    }
  }

  async #release(
    lease: string,
    attempt: string | undefined,
    known: Slotted | undefined,
    believed: boolean,
  ): Promise<boolean> {
    const ours = known !== undefined && (attempt === undefined || attempt === known.record.attempt);
    if (ours && (await this.#giveBack(known, believed))) return true;
    // Granted elsewhere, or claimed from there meanwhile.
    const view = await this.#look();
    const seen = view.leases.get(lease);
    if (seen?.record === undefined || !mayBeHeld(seen, view, this.#quorum)) return false;
    if (attempt !== undefined && attempt !== seen.record.attempt) return false;
    return this.#giveBack({ record: seen.record, slots: seen.slots }, false);
  }

  /** Whether the lease was held until now. A master that has forgotten it may have held it; the holder knows. */
  async #giveBack(slotted: Slotted, believed: boolean): Promise<boolean> {
    const verdict = await this.#quorum.release(this.#semaphore, slotted);
    this.#lane.freed();
    if (verdict.carried) return true;
    const { length } = this.#quorum.masters;
    const heard = verdict.inFavour + verdict.reasons.length;
    if (heard < this.#quorum.majority) throw this.#quorum.unavailable();
    const forgotten = verdict.reasons.filter((reason) => reason === "FORGOTTEN").length;
    const witnessed = verdict.inFavour > 0 || (believed && forgotten === verdict.reasons.length);
    return witnessed && verdict.inFavour + forgotten + length - heard >= this.#quorum.majority;
  }

  #releaseLater(slotted: Slotted): void {
    const deadline = performance.now() + this.#maxLeaseMs;
    const again = () => {
      if (performance.now() > deadline || this.#quorum.closed) return;
      this.#quorum
        .release(this.#semaphore, slotted)
        .then((verdict) => verdict.carried || verdict.certain || later(), later);
    };
    const later = () => void setTimeout(again, retryMs * 4).unref();
    later();
  }

  async #renew({ lease, leaseMs }: Renewal, view: View | undefined): Promise<RenewResult> {
    const held = this.#lane.held.get(lease);
    // Checked right before it is sent: masters that have restarted take the word of a holder that believes.
    if (held !== undefined && performance.now() >= held.validUntil) return this.#over(lease, "lapsed");
    const seen = view?.leases.get(lease);
    if (held === undefined && seen?.revoked) return this.#over(lease, "revoked");
    const slotted = held ?? (view === undefined ? undefined : this.#slotted(seen, view));
    if (slotted === undefined) return this.#over(lease, "lapsed");
    const lastsMs = Math.min(leaseMs ?? slotted.record.leaseMs, this.#maxLeaseMs);
    // Masters restore what a holder keeps; whoever knows the lease by a look alone has no such word.
    const operation = held === undefined ? "h" : "k";
    const verdict = await this.#quorum.vote(operation, this.#semaphore, slotted, lastsMs);
    const missed = seen !== undefined && seen.holders < this.#quorum.masters.length;
    if (verdict.carried && missed) this.#quorum.spread("k", this.#semaphore, slotted, lastsMs);
    return this.#judge(lease, verdict);
  }

  #slotted(seen: SeenLease | undefined, view: View): Slotted | undefined {
    if (seen?.record === undefined || !mayBeHeld(seen, view, this.#quorum)) return undefined;
    return { record: seen.record, slots: seen.slots };
  }

  async #claim(claim: Claim, view: View, free: FreeSlots): Promise<RenewResult> {
    const { lease, attempt, restore, onLost } = claim;
    const seen = view.leases.get(lease);
    if (seen?.revoked) return this.#over(lease, "revoked");
    const restores = restore !== undefined && view.recoversMs > 0;
    const base = this.#slotted(seen, view) ?? (restores ? restored(lease, restore, view, free) : undefined);
    if (base === undefined) return this.#over(lease, "lapsed");
    const turn = base.record.turn + 1;
    const slotted: Slotted = { ...base, record: { ...base.record, attempt, turn, nonce: newAttemptId() } };
    const operation = restores ? "r" : "c";
    const lastsMs = Math.min(slotted.record.leaseMs, this.#maxLeaseMs);
    const verdict = await this.#quorum.vote(operation, this.#semaphore, slotted, lastsMs);
    if (verdict.carried) this.#lane.held.add(slotted, verdict.validUntil, [onLost]);
    const result = this.#judge(lease, verdict);
    if (verdict.carried) this.#lane.wake();
    return result;
  }

  #judge(lease: string, verdict: Verdict): RenewResult {
    if (verdict.carried) {
      const { validUntil } = verdict;
      const held = this.#lane.held.get(lease);
      if (held !== undefined) held.validUntil = Math.max(held.validUntil, validUntil);
      return { lease, renewed: true, validUntil };
    }
    if (!verdict.certain) throw this.#quorum.unavailable();
    return this.#over(lease, verdict.reasons.includes("REVOKED") ? "revoked" : "lapsed");
  }

  #over(lease: string, reason: LossReason): RenewResult {
    this.#lane.held.lose(lease, reason);
    return { lease, renewed: false, reason };
  }

  #look(): Promise<View> {
    return lookAt(this.#quorum, this.#semaphore, { records: true });
  }
}

/** The fence names the lowest slot that the lease had; where it had more, any others that are free will do. */
function restored(lease: string, told: Restore, view: View, free: FreeSlots): Slotted | undefined {
  const { permits, fence, leaseMs, holder } = told;
  if (fence <= 0 || fence > (view.now + implausibleMs) * maxLimit) return undefined;
  const slots = free.takeWith(fence % maxLimit, permits);
  if (slots === undefined) return undefined;
  const { revision = 0, author = "" } = view.definition ?? {};
  const grantedAt = Math.min(Math.floor(fence / maxLimit), view.now);
  const record: LeaseRecord = {
    lease,
    nonce: "",
    fence,
    turn: 0,
    revision,
    author,
    attempt: "",
    permits,
    leaseMs,
    holder,
    grantedAt,
  };
  return { record, slots };
}

function pause(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}
