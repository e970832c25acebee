import type { AcquireRequest, AcquireResult, Grant } from "../../store.js";
import { type Call, unavailable } from "./call.js";
import {
  type AcquireMode,
  encode,
  encodeAcquire,
  type Reply,
  type RunStart,
  refusals,
  runOf,
  type WireAnswer,
} from "./wire.js";

/** A grant as the server knows it. */
export interface GrantTerms {
  readonly fence: number;
  /** In the server's clock. */
  readonly expiresAt: number;
  /** Since when the lease belongs to this attempt, in the server's clock. */
  readonly ownedAt: number;
  readonly leaseMs: number;
  /** It was granted to another attempt before. */
  readonly again?: boolean;
}

/** What an acquire needs of its lane. */
export interface AcquireLane {
  /** The holder that every call of this lane names. */
  readonly holder: string;
  /** Whether the server answers in these moments. */
  readonly responsive: boolean;
  /** How much longer nothing is granted because the server may have lost leases; 0: it does not recover. */
  readonly recoveryMs: number;
  /** Why the server was lost, where it was. */
  readonly cause: unknown;
  /** The limit that was last heard of, if any. */
  readonly limit: number | undefined;
  /** Sends an operation whose answer nobody awaits. */
  run(text: string): void;
  /** Sends the acquire (again), creating the semaphore first where `create` says so. */
  ask(call: AcquireCall, create: boolean): void;
  /** Takes back what the server has made of the acquire: its place, or its grant. */
  cancel(call: AcquireCall): void;
  queued(call: AcquireCall, sequence: number): void;
  /** The server has given a place to an acquire that nobody awaits any more. */
  placed(call: AcquireCall, sequence: number): void;
  /** The server has no place for it any more. */
  vacated(call: AcquireCall): void;
  settled(call: AcquireCall): void;
  /** The attempt that had taken its place was refused. */
  restored(call: AcquireCall): void;
  /** The grant as this process may believe it, or undefined where its time is over already. */
  granted(call: AcquireCall, terms: GrantTerms): Grant | undefined;
}

/** One attempt at a lease, from the first ask to its outcome. */
export class AcquireCall implements Call {
  readonly request: AcquireRequest;
  /** An earlier attempt of this process at the same lease, which shares the grant of the later one, and its end. */
  earlier: AcquireCall | undefined;
  mode: AcquireMode;
  settled = false;
  readonly #lane: AcquireLane;
  readonly #run: RunStart | undefined;
  readonly #resolve: (result: AcquireResult) => void;
  readonly #reject: (error: Error) => void;
  readonly #signal: AbortSignal | undefined;
  #timer: NodeJS.Timeout | undefined;
  #judging: NodeJS.Immediate | undefined;
  #sent = false;
  #creating = false;

  constructor(
    lane: AcquireLane,
    request: AcquireRequest,
    signal: AbortSignal | undefined,
    resolve: (result: AcquireResult) => void,
    reject: (error: Error) => void,
  ) {
    this.#lane = lane;
    this.request = request;
    this.mode = request.attempt === "" ? "first" : "known";
    this.#run = request.holder === lane.holder ? runOf(request) : undefined;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#signal = signal;
    signal?.addEventListener("abort", this.#abort, { once: true });
    const { waitMs } = request;
    if (waitMs > 0 && waitMs !== Number.POSITIVE_INFINITY)
      this.#timer = setTimeout(this.#waitMayBeOver, waitMs);
  }

  get run(): RunStart | undefined {
    return this.mode === "first" ? this.#run : undefined;
  }

  encode(): string | undefined {
    if (this.settled) return undefined;
    this.#sent = true;
    const { request } = this;
    if (this.run !== undefined) return encode.name(request.lease);
    return encodeAcquire(this.mode, request, request.holder === this.#lane.holder ? "" : request.holder);
  }

  answered(answer: WireAnswer, reply: Reply): void {
    if (this.settled) {
      // Its place is there until its cancel, which follows, has been answered.
      if (typeof answer !== "number" && answer[0] === 0) this.#lane.placed(this, answer[1] ?? 0);
      return;
    }
    if (typeof answer !== "number") {
      this.#answeredAtLength(answer, reply.now);
      return;
    }
    if (answer !== refusals.reused) this.#lane.vacated(this);
    const leaseMs = this.leaseMs(reply);
    const { now, fenceBase } = reply;
    if (answer > 0) this.take({ fence: fenceBase + answer, expiresAt: now + leaseMs, ownedAt: now, leaseMs });
    else this.#refused(answer, reply);
  }

  /** A grant on the server's terms. One that comes so late that its time is over is given back, and asked for anew. */
  take(terms: GrantTerms): void {
    const grant = this.#lane.granted(this, terms);
    if (grant !== undefined) {
      this.settle(grant);
      return;
    }
    this.#lane.run(encode.discard(this.request.lease, terms.fence));
    this.mode = "again";
    this.#lane.ask(this, false);
  }

  leaseMs(semaphore: { readonly leaseMs: number }): number {
    return this.request.leaseMs ?? semaphore.leaseMs;
  }

  interrupted(cause: unknown): boolean {
    if (this.settled) return false;
    if (this.request.waitMs === 0) {
      this.failed(unavailable(cause));
      return false;
    }
    // Perhaps it was carried out; and a later attempt elsewhere, if there was one, keeps what it has.
    if (this.#sent) this.mode = "again";
    return true;
  }

  failed(error: Error): void {
    if (!this.#end()) return;
    this.#undo();
    this.#reject(error);
    this.earlier?.failed(error);
  }

  /** Ends the attempt with what the store decided. */
  settle(result: AcquireResult): void {
    if (!this.#end()) return;
    this.#resolve(result);
    if (this.earlier === undefined) return;
    if (result.outcome === "granted") this.earlier.settle(result);
    else if (result.outcome === "reused") this.#lane.restored(this.earlier);
    else this.earlier.settle({ outcome: "superseded" });
  }

  #answeredAtLength(
    [held, first = 0, expiresAt = 0, leaseMs = 0, , again]: readonly number[],
    ownedAt: number,
  ): void {
    if (held === 1) {
      this.#lane.vacated(this);
      this.take({ fence: first, expiresAt, ownedAt, leaseMs, again: again === 1 });
      return;
    }
    this.mode = "again";
    this.#creating = false;
    this.#lane.queued(this, first);
  }

  #refused(refusal: number, { limit, maxWaiters }: Reply): void {
    if (refusal === refusals.unknown && this.request.create !== undefined && !this.#creating) {
      this.#creating = true;
      this.#lane.ask(this, true);
      return;
    }
    if (refusal === refusals.outOfMemory) this.failed(unavailable(new Error("it is out of memory")));
    else if (refusal === refusals.timeout) this.settle({ outcome: "timeout", limit });
    else if (refusal === refusals.recovering) this.settle(this.#recovering());
    else if (refusal === refusals.queueFull) this.settle({ outcome: "queue_full", limit, maxWaiters });
    else if (refusal === refusals.exceedsLimit) this.settle({ outcome: "exceeds_limit", limit });
    else if (refusal === refusals.reused) this.settle({ outcome: "reused" });
    else if (refusal === refusals.superseded) this.settle({ outcome: "superseded" });
    else this.settle({ outcome: "unknown" });
  }

  readonly #abort = (): void => {
    this.#leave({ outcome: "aborted" });
  };

  /** A loop that was blocked reads what has arrived before it judges: the grant may be there, or that the server answers. */
  readonly #waitMayBeOver = (): void => {
    this.#judging = setImmediate(this.#waitIsOver);
  };

  readonly #waitIsOver = (): void => {
    if (!this.#lane.responsive) this.failed(unavailable(this.#lane.cause));
    else if (this.#lane.recoveryMs > 0) this.#leave(this.#recovering());
    else this.#leave({ outcome: "timeout", limit: this.#limit() });
  };

  #recovering(): AcquireResult {
    return { outcome: "recovering", retryAfterMs: Math.max(1, Math.ceil(this.#lane.recoveryMs)) };
  }

  #limit(): number {
    return this.#lane.limit ?? this.request.create?.limit ?? 0;
  }

  #leave(result: AcquireResult): void {
    if (!this.#end()) return;
    this.#undo();
    this.#resolve(result);
    this.earlier?.settle({ outcome: "superseded" });
  }

  /** Whatever the server has made of it, place or grant, is taken back. */
  #undo(): void {
    if (this.#sent) this.#lane.cancel(this);
  }

  #end(): boolean {
    if (this.settled) return false;
    this.settled = true;
    clearTimeout(this.#timer);
    clearImmediate(this.#judging);
    this.#signal?.removeEventListener("abort", this.#abort);
    this.#lane.settled(this);
    return true;
  }
}
