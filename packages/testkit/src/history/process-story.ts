import type { Granted, HistoryEvent, Invoked, Kept, Released, ReleaseUnknown } from "./events.js";
import type { Span } from "./findings.js";
import type { Acquire, Fate, ProcessLife } from "./history.js";

/** Reads the log of one process, event by event, into its acquires. */
export class ProcessStory {
  readonly process: string;
  readonly semaphore: string;
  readonly acquires: Acquire[] = [];
  /** The time of the last event. */
  lastAt: number;
  readonly #beganAt: number;
  #endedAt = Number.POSITIVE_INFINITY;
  readonly #stalls: Span[] = [];
  readonly #byCall = new Map<number, Acquire>();
  /** Those whose lease is believed, or was, and may be again after a late renewal. */
  readonly #held = new Map<string, Acquire>();
  /** Those whose lease is over for them, and whose release may still be answered. */
  readonly #over = new Map<string, Acquire>();

  /** @throws Error where the log does not begin as one */
  static of(log: Iterable<HistoryEvent>): ProcessStory {
    let story: ProcessStory | undefined;
    for (const event of log) {
      if (story === undefined) story = new ProcessStory(event);
      else story.#take(event);
    }
    if (story === undefined) throw new Error("a log is empty");
    return story;
  }

  private constructor(first: HistoryEvent) {
    if (first.kind !== "began") throw new Error(`a log begins with "${first.kind}"`);
    this.process = first.process;
    this.semaphore = first.semaphore;
    this.#beganAt = first.at;
    this.lastAt = first.at;
  }

  /** Ends what its end ended. Who died believes in nothing, and who ended in good order neither. */
  close({ killedAt, pauses = [] }: Partial<Fate> = {}): ProcessLife {
    const to = Math.min(killedAt ?? Number.POSITIVE_INFINITY, this.#endedAt);
    if (to !== Number.POSITIVE_INFINITY) for (const acquire of this.acquires) cutBeliefs(acquire, to);
    return {
      process: this.process,
      from: this.#beganAt,
      to,
      pauses: [...this.#stalls, ...pauses],
      lived: killedAt === undefined,
    };
  }

  #take(event: HistoryEvent): void {
    this.lastAt = event.at;
    switch (event.kind) {
      case "began":
        throw new Error(`the log of "${this.process}" begins twice`);
      case "invoke":
        this.#invoke(event);
        break;
      case "queued":
        this.#queued(event.call, event.at);
        break;
      case "ok":
        this.#grant(event);
        break;
      case "fail":
        this.#fail(event.call, event.at, "failed", event.code);
        break;
      case "unknown":
        this.#fail(event.call, event.at, "unknown", event.code);
        break;
      case "keep":
        this.#keep(event);
        break;
      case "lost":
        this.#lose(event.lease, event.at);
        break;
      case "release":
        this.#release(event.lease, event.at);
        break;
      case "released":
      case "release unknown":
        this.#released(event);
        break;
      case "stalled":
        this.#stalls.push({ from: event.from, to: event.at });
        break;
      case "ended":
        this.#endedAt = event.at;
    }
  }

  #invoke({ at, call, permits, priority, waitMs = Number.POSITIVE_INFINITY }: Invoked): void {
    const acquire: Acquire = {
      process: this.process,
      call,
      permits,
      priority,
      waitMs,
      invokedAt: at,
      outcome: "pending",
      answeredAt: Number.POSITIVE_INFINITY,
      code: undefined,
      queuedAt: Number.POSITIVE_INFINITY,
      lease: undefined,
      fence: undefined,
      beliefs: [],
      lost: false,
      release: undefined,
    };
    this.acquires.push(acquire);
    this.#byCall.set(call, acquire);
  }

  #queued(call: number, at: number): void {
    const acquire = this.#byCall.get(call);
    // What was answered meanwhile may have left the queue before.
    if (acquire !== undefined) acquire.queuedAt = Math.min(acquire.queuedAt, at);
  }

  #grant({ at, call, lease, fence, until }: Granted): void {
    const acquire = this.#answered(call, at);
    acquire.outcome = "granted";
    acquire.lease = lease;
    acquire.fence = fence;
    if (until > at) acquire.beliefs.push({ from: at, to: until });
    this.#held.set(lease, acquire);
  }

  #fail(call: number, at: number, outcome: "failed" | "unknown", code: string): void {
    const acquire = this.#answered(call, at);
    acquire.outcome = outcome;
    acquire.code = code;
  }

  #answered(call: number, at: number): Acquire {
    const acquire = this.#byCall.get(call);
    if (acquire === undefined)
      throw new Error(`"${this.process}" has an answer to a call ${call} it did not make`);
    this.#byCall.delete(call);
    acquire.answeredAt = at;
    return acquire;
  }

  #keep({ lease, at, until }: Kept): void {
    const acquire = this.#held.get(lease);
    // What was released or lost is not believed in again, whatever a late answer says.
    if (acquire === undefined) return;
    const last = acquire.beliefs.at(-1);
    // Between the end of its validity and a late renewal nobody believed in it for certain.
    if (last === undefined || last.to < at) {
      if (until > at) acquire.beliefs.push({ from: at, to: until });
      return;
    }
    acquire.beliefs[acquire.beliefs.length - 1] = { from: last.from, to: Math.max(until, at) };
  }

  #lose(lease: string, at: number): void {
    const acquire = this.#held.get(lease);
    if (acquire === undefined) return;
    this.#held.delete(lease);
    acquire.lost = true;
    cutBeliefs(acquire, at);
    this.#over.set(lease, acquire);
  }

  #release(lease: string, at: number): void {
    const acquire = this.#held.get(lease) ?? this.#over.get(lease);
    if (acquire === undefined) return;
    this.#held.delete(lease);
    this.#over.set(lease, acquire);
    cutBeliefs(acquire, at);
    acquire.release = { invokedAt: at, outcome: "pending", answeredAt: Number.POSITIVE_INFINITY };
  }

  #released(event: Released | ReleaseUnknown): void {
    const release = this.#over.get(event.lease)?.release;
    this.#over.delete(event.lease);
    if (release === undefined) return;
    if (event.kind === "release unknown") {
      release.outcome = "unknown";
      return;
    }
    release.outcome = event.held ? "released" : "was not held";
    release.answeredAt = event.at;
  }
}

/** Nothing is believed from `at` on. */
function cutBeliefs(acquire: Acquire, at: number): void {
  if (acquire.beliefs.every(({ to }) => to <= at)) return;
  acquire.beliefs = acquire.beliefs
    .filter(({ from }) => from < at)
    .map(({ from, to }) => ({ from, to: Math.min(to, at) }));
}
