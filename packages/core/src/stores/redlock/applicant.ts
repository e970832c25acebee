import type { AcquireRequest, AcquireResult } from "../../store.js";
import { Alarm } from "../alarm.js";

/** Why a caller stops waiting by itself. */
export type Departure = "timeout" | "aborted";

/** One caller of acquire. A wait that may end by itself keeps the process alive. */
export class Caller {
  readonly request: AcquireRequest;
  readonly result: Promise<AcquireResult>;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort: () => void;
  readonly #deadline: Alarm;
  #resolve!: (result: AcquireResult) => void;
  #reject!: (error: unknown) => void;

  constructor(
    request: AcquireRequest,
    signal: AbortSignal | undefined,
    leave: (caller: Caller, departure: Departure) => void,
  ) {
    this.request = request;
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#signal = signal;
    this.#onAbort = () => leave(this, "aborted");
    this.#deadline = new Alarm(() => leave(this, "timeout"), { keepsAlive: true });
    // One that does not wait is answered by the masters, and they have their own time.
    if (request.waitMs > 0) this.#deadline.set(performance.now() + request.waitMs);
    signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  resolve(result: AcquireResult): void {
    this.#stop();
    this.#resolve(result);
  }

  reject(error: unknown): void {
    this.#stop();
    this.#reject(error);
  }

  #stop(): void {
    this.#deadline.clear();
    this.#signal?.removeEventListener("abort", this.#onAbort);
  }
}

/** A lease that is asked for here, by one caller or by several attempts one after the other. */
export class Applicant {
  readonly lease: string;
  readonly callers: Caller[];
  /** Where in the queue, once it has been decided to wait. */
  place: number | undefined;
  ticket = 0;
  /** By the masters' clock, when it was queued. */
  since = 0;
  /** The masters know of it. */
  entered = false;
  /** How often its vote was lost to another. */
  lost = 0;
  #open = true;

  constructor(caller: Caller) {
    this.lease = caller.request.lease;
    this.callers = [caller];
  }

  /** The latest attempt speaks for all. */
  get request(): AcquireRequest {
    const caller = this.callers.at(-1);
    if (caller === undefined) throw new Error("an applicant has a caller");
    return caller.request;
  }

  get patient(): boolean {
    return this.request.waitMs > 0;
  }

  /** Nobody has been answered yet. */
  get open(): boolean {
    return this.#open;
  }

  isLatest(caller: Caller): boolean {
    return this.callers.at(-1) === caller;
  }

  /** The latest attempt gets `result`; the earlier ones too, unless they are told of it. */
  settle(result: AcquireResult, earlier: AcquireResult = result): void {
    this.#open = false;
    const latest = this.callers.at(-1);
    for (const caller of this.callers) caller.resolve(caller === latest ? result : earlier);
  }

  fail(error: unknown): void {
    this.#open = false;
    for (const caller of this.callers) caller.reject(error);
  }
}
