import type { RenewResult } from "@sluice/core";
import { MAX_CLAIMS } from "../renewals.js";
import type { ClaimedLease } from "../shapes/session.js";
import { slices } from "../slices.js";
import { type ClaimResult, readClaims } from "./claims.js";
import type { HeldLease } from "./held-lease.js";
import type { Holding } from "./holding.js";
import type { Answer } from "./messages.js";
import type { Session } from "./session.js";

export interface ClaimingHost {
  /** Claims over plain HTTP. The results by lease. @throws StoreUnavailableError */
  claimPlainly(semaphore: string, claims: readonly ClaimedLease[]): Promise<Map<string, RenewResult>>;
  /** Gives a lease back that nobody holds. Never rejects. */
  giveBack(semaphore: string, lease: string): Promise<void>;
  /** What is still to be claimed is to be claimed later. */
  putOff(): void;
}

/** What becomes of one lease that was claimed. @param until when it ends here unless renewed */
type Settle = (held: HeldLease, result: ClaimResult, until: number) => void;

/** Claims leases: those whose session has ended, or is about to. */
export class Claiming {
  readonly #holding: Holding;
  readonly #host: ClaimingHost;
  #underWay = 0;

  constructor(holding: Holding, host: ClaimingHost) {
    this.#holding = holding;
    this.#host = host;
  }

  /** Whether a session has been asked for leases, and has not answered. */
  get isUnderWay(): boolean {
    return this.#underWay > 0;
  }

  /** Claims for `session` what is held, and has not been claimed for it before. Resolves when all is answered. */
  async claim(session: Session, leases: readonly HeldLease[]): Promise<void> {
    const settle: Settle = (held, result, until) => this.#settle(held, result, session, until);
    const unclaimed = leases.filter((held) => held.claimedBy !== session);
    await this.#ask(session, unclaimed, settle);
  }

  /** Claims for `session` what was granted elsewhere, and holds it from then on. Undefined: it was not answered. */
  async adopt(session: Session, leases: readonly HeldLease[]): Promise<RenewResult[] | undefined> {
    const results: RenewResult[] = [];
    await this.#ask(session, leases, (held, { claimed, reason = "lapsed" }, until) => {
      const { lease } = held.claim;
      held.settle(session, until);
      if (claimed) this.#holding.add(held);
      results.push(claimed ? held.renewed : { lease, renewed: false, reason });
    });
    return results.length === leases.length ? results : undefined;
  }

  /** Claims what is held over plain HTTP: from then on its holder renews it. */
  async claimPlainly(leases: readonly HeldLease[]): Promise<void> {
    const bySemaphore = new Map<string, HeldLease[]>();
    for (const held of leases) {
      if (held.claimedBy === this.#host) continue;
      held.claimedBy = this.#host;
      const others = bySemaphore.get(held.claim.semaphore);
      if (others === undefined) bySemaphore.set(held.claim.semaphore, [held]);
      else others.push(held);
    }
    await Promise.all([...bySemaphore].map(([semaphore, held]) => this.#askPlainly(semaphore, held)));
  }

  async #ask(session: Session, leases: readonly HeldLease[], settle: Settle): Promise<void> {
    this.#underWay += 1;
    await Promise.all(slices(leases, MAX_CLAIMS).map((slice) => this.#askSlice(session, slice, settle)));
    this.#underWay -= 1;
  }

  #askSlice(session: Session, slice: readonly HeldLease[], settle: Settle): Promise<void> {
    const claims = slice.map(({ claim }) => claim);
    for (const held of slice) {
      held.claimedBy = session;
      session.watchFor(held.stakes);
    }
    const unanswered = () => {
      for (const held of slice) if (held.claimedBy === session) held.claimedBy = undefined;
    };
    return new Promise((resolve) => {
      // At once: what the sidecar says next about its leases is about these, too.
      const answered = (answer: Answer) => {
        const read = readClaims(answer, claims);
        if (read === undefined) {
          session.terminate(new Error("what answers there is not a sidecar"));
          cut();
          return;
        }
        unanswered();
        read.results.forEach((result, index) => {
          const held = slice[index];
          if (held) settle(held, result, session.clock.validUntil(read.at + result.expiresInMs));
        });
        resolve();
      };
      const refused = () => {
        unanswered();
        this.#host.putOff();
        resolve();
      };
      const cut = () => {
        for (const held of slice) this.#mayHaveTaken(held, session);
        unanswered();
        resolve();
      };
      session.send({ op: "claim", leases: claims }, { answered, refused, cut }, false);
    });
  }

  /** The session has ended, and nobody knows whether its sidecar has taken the claim, and gives the lease back now. */
  #mayHaveTaken(held: HeldLease, session: Session): void {
    const isClaimedElsewhere = held.session !== undefined && held.claimedBy !== session;
    if (this.#holding.has(held) && !isClaimedElsewhere) this.#holding.castOff(held, session);
  }

  #settle(held: HeldLease, { claimed, reason }: ClaimResult, session: Session, until: number): void {
    const { semaphore, lease } = held.claim;
    if (this.#holding.has(held)) {
      if (claimed) this.#holding.move(held, session, until);
      else this.#holding.lose(held, reason ?? "lapsed");
    } else if (claimed && this.#holding.find(semaphore, lease) === undefined) {
      // Nobody believes in it any more, and now the session would renew it for ever.
      void this.#host.giveBack(semaphore, lease);
    }
  }

  async #askPlainly(semaphore: string, leases: readonly HeldLease[]): Promise<void> {
    try {
      const claims = leases.map(({ claim }) => claim);
      const results = await this.#host.claimPlainly(semaphore, claims);
      for (const held of leases) {
        const result = results.get(held.claim.lease);
        held.claimedBy = undefined;
        if (result) this.#settlePlainly(held, result);
      }
    } catch {
      for (const held of leases) held.claimedBy = undefined;
      this.#host.putOff();
    }
  }

  #settlePlainly(held: HeldLease, result: RenewResult): void {
    if (held.session !== undefined) {
      // A session has come in between; which of the two claims came last nobody knows.
      void this.claim(held.session, [held]);
    } else if (!this.#holding.has(held)) {
      if (result.renewed) void this.#host.giveBack(held.claim.semaphore, result.lease);
    } else if (result.renewed) {
      this.#holding.remove(held);
      held.settle(undefined, result.validUntil);
    } else {
      this.#holding.lose(held, result.reason);
    }
  }
}
