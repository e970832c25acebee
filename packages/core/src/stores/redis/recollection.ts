import type { Definition, RenewResult } from "../../store.js";
import { type Call, Errand, PatientCall, type Read } from "./call.js";
import type { HeldLeases } from "./held.js";
import { encode, type OwnTerms, type Recovery, type Reply, refusals, type WireAnswer } from "./wire.js";

/** Why a server recovers, in words for logs. */
const causes: Readonly<Record<string, string>> = {
  restart: "the server has restarted or is another one, and may lack the last writes",
  promotion: "the server was promoted, or has restarted after it had replicas, and may lack the last writes",
  start: "the server has just started, and nothing tells what was before",
  flush: "the server was flushed",
  return: "another server has served meanwhile",
  fence: "the server has lost what it knew of a semaphore",
  keys: "leases were evicted or deleted",
};

/** A definition as the server told it. */
export interface Remembered {
  readonly definition: Definition;
  readonly version: number;
}

export interface RecollectionOptions {
  readonly held: HeldLeases;
  /** The definition that was last seen in an earlier use of the semaphore. */
  readonly remembered: Remembered | undefined;
  /** Whether the process holds leases or waits. */
  readonly isInUse: () => boolean;
  /** What the answer to a renewal or claim means. */
  readonly outcome: (lease: string, answer: WireAnswer, reply: Reply) => RenewResult;
  readonly run: (text: string) => void;
  /** Told when the semaphore recovers, until when by `performance.now()`, and why. */
  readonly recovers: (until: number, cause: string) => void;
}

/**
 * What a process knows of one semaphore that its server may lose: the definition, and the leases that are believed. A
 * server that recovers is told both.
 */
export class Recollection {
  /** The definition as it was last seen; undefined where the semaphore was gone then. */
  remembered: Remembered | undefined;
  readonly #options: RecollectionOptions;
  #recovery: Recovery | undefined;
  #recoversUntil = 0;
  /** Whether this life of the server has been told already, before it has answered anything. */
  #hasTold = false;
  readonly #claiming = new Map<string, Promise<RenewResult>>();

  constructor(options: RecollectionOptions) {
    this.#options = options;
    this.remembered = options.remembered;
  }

  /** How much longer nothing is granted; 0: the semaphore does not recover. */
  get recoveryMs(): number {
    return Math.max(0, this.#recoversUntil - performance.now());
  }

  /** Takes in what a reply tells. True where the semaphore recovers and has not been told yet what there was. */
  note(reply: Reply): boolean {
    this.#remember(reply);
    const { recovery, now } = reply;
    const isNew = recovery?.until !== this.#recovery?.until;
    const hasTold = this.#hasTold;
    this.#recovery = recovery;
    this.#hasTold = false;
    this.#recoversUntil = recovery === undefined ? 0 : performance.now() + recovery.until - now;
    if (recovery === undefined) return false;
    this.#options.recovers(this.#recoversUntil, causes[recovery.cause] ?? recovery.cause);
    return isNew && !hasTold;
  }

  /** Another life of the server begins, which is told at once. */
  begin(): Call[] {
    this.#hasTold = true;
    return this.tell();
  }

  /** Tells the definition first, without which leases cannot be restored. */
  tell(): Call[] {
    const calls: Call[] = [];
    if (this.remembered !== undefined) {
      const { definition, version } = this.remembered;
      calls.push(new Errand(encode.recall(definition, version, this.#options.isInUse())));
    }
    for (const holding of this.#options.held.allBelieved()) {
      const { lease, attempt, terms } = holding;
      if (terms !== undefined && !this.#claiming.has(lease)) calls.push(this.#claim(lease, attempt, terms));
    }
    return calls;
  }

  /**
   * A lease that has lapsed, by the answer to its renewal, but that a server which recovers may have lost. Undefined
   * where it cannot be restored.
   *
   * @param send takes the claim, unless one is under way
   */
  claimAgain(
    lease: string,
    answer: WireAnswer,
    { recovery }: Reply,
    send: (call: Call) => void,
  ): Promise<RenewResult> | undefined {
    if (answer !== refusals.lapsed || recovery === undefined) return undefined;
    const holding = this.#options.held.believed(lease);
    if (holding?.terms === undefined) return undefined;
    if (!this.#claiming.has(lease)) send(this.#claim(lease, holding.attempt, holding.terms));
    return this.#claiming.get(lease);
  }

  #remember({ limit, leaseMs, maxWaiters, version, recovery }: Reply): void {
    if (limit < 0) {
      if (recovery === undefined) this.remembered = undefined;
      return;
    }
    // While it recovers, a definition of before that nobody has told yet may be the later one.
    if (recovery !== undefined && (this.remembered?.version ?? 0) > version) return;
    this.remembered = { definition: { limit, leaseMs, maxWaiters }, version };
  }

  #claim(lease: string, attempt: string, terms: OwnTerms): Call {
    let call!: Call;
    const result = new Promise<RenewResult>((resolve, reject) => {
      const read: Read<RenewResult> = (answer, reply) => this.#claimed(lease, attempt, answer, reply);
      const manner = { wanted: () => this.#options.held.believed(lease) !== undefined };
      call = new PatientCall(encode.claimAgain(lease, attempt, terms), read, resolve, reject, manner);
    });
    this.#claiming.set(lease, result);
    const done = () => this.#claiming.delete(lease);
    // Nobody need await it: what cannot be claimed is tried again with its next renewal.
    result.then(done, done);
    return call;
  }

  /** One that was released meanwhile may have been released before it was restored. */
  #claimed(lease: string, attempt: string, answer: WireAnswer, reply: Reply): RenewResult {
    const result = this.#options.outcome(lease, answer, reply);
    if (result.renewed && !this.#options.held.has(lease))
      this.#options.run(encode.releaseOwned(lease, attempt));
    return result;
  }
}
