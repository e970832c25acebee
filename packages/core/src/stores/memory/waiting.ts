import type { AcquireRequest, AcquireResult } from "../../store.js";
import { Alarm } from "../alarm.js";

/** Why a caller stops waiting by itself. */
export type Departure = "timeout" | "aborted";

/** A caller whose acquire is queued. It keeps the process alive for as long as its wait may still end by itself. */
export class WaitingCaller {
  readonly request: AcquireRequest;
  /** Settles as the acquire does. */
  readonly result: Promise<AcquireResult>;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort: () => void;
  readonly #deadline: Alarm;
  #resolve!: (result: AcquireResult | Promise<never>) => void;
  #reject!: (error: Error) => void;

  constructor(
    request: AcquireRequest,
    signal: AbortSignal | undefined,
    leave: (caller: WaitingCaller, departure: Departure) => void,
  ) {
    this.request = request;
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#signal = signal;
    this.#onAbort = () => leave(this, "aborted");
    this.#deadline = new Alarm(() => leave(this, "timeout"), { keepsAlive: true });
    this.#deadline.set(performance.now() + request.waitMs);
    signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  get aborted(): boolean {
    return this.#signal?.aborted ?? false;
  }

  resolve(result: AcquireResult | Promise<never>): void {
    this.#stop();
    this.#resolve(result);
  }

  reject(error: Error): void {
    this.#stop();
    this.#reject(error);
  }

  #stop(): void {
    this.#deadline.clear();
    this.#signal?.removeEventListener("abort", this.#onAbort);
  }
}
