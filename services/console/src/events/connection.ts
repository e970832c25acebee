import type { Cell } from "../live/cell.js";
import { now } from "../live/clock.js";
import { Refusal } from "../sidecar/refusal.js";
import { backoffMs } from "./backoff.js";
import { type Ears, listenTo } from "./listening.js";

/** For how long a connection that is no failure is open at least, in milliseconds. */
const LASTING_MS = 10_000;

/** For how long an answer is waited for, in milliseconds: a sidecar begins to speak at once. */
const OPENING_MS = 10_000;

export type ConnectionState =
  | { readonly is: "connecting" }
  | { readonly is: "live" }
  /** `since` and `retryAt` by the page's own clock; `problem` where something answered. */
  | {
      readonly is: "unreachable";
      readonly since: number;
      readonly retryAt: number;
      readonly problem: string | undefined;
    }
  /** The sidecar is about to end; another one may take its place at the same address. */
  | { readonly is: "draining"; readonly since: number; readonly retryAt: number }
  /** The sidecar wants a token, or another one. */
  | { readonly is: "refused" };

export interface ConnectionOptions {
  readonly state: Cell<ConnectionState>;
  readonly ears: Ears;
  open(signal: AbortSignal): Promise<ReadableStream<Uint8Array>>;
  /** The stream is open: whoever calls is let in. */
  accepted(): void;
  /** The caller is known, and may not read. */
  forbidden(problem: string): void;
}

/** The one connection over which everything is told: opened again whenever it ends, with growing pauses. */
export class Connection {
  readonly #options: ConnectionOptions;
  #attempt = new AbortController();
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /** Connects now, whatever was under way: with another token, or when the network is back. */
  start(): void {
    this.stop();
    this.#attempt = new AbortController();
    void this.#connect(this.#attempt.signal);
  }

  /** Connects now where it would have waited. */
  hurry(): void {
    const { is } = this.#options.state.value;
    if (is === "unreachable" || is === "draining") this.start();
  }

  /** Connects anew where something was told: nobody knows what has become of that connection. */
  wake(): void {
    if (this.#options.state.value.is !== "refused") this.start();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#attempt.abort();
  }

  async #connect(signal: AbortSignal): Promise<void> {
    const { state, ears, accepted } = this.#options;
    if (state.value.is === "live" || state.value.is === "refused") state.set({ is: "connecting" });
    try {
      const stream = await this.#open(signal);
      const openedAt = now();
      state.set({ is: "live" });
      accepted();
      await listenTo(stream, ears).finally(() => this.#forgive(now() - openedAt));
      throw new Error("the sidecar has ended the connection");
    } catch (error) {
      if (signal.aborted) return;
      if (isUnwelcome(error)) this.#refused(error);
      else this.#waitAndRetry(error, signal);
    }
  }

  /** @throws where nobody answers in time, too: what hangs would hang for ever */
  async #open(signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const patience = new AbortController();
    const timer = setTimeout(() => patience.abort(new Error("no answer for too long")), OPENING_MS);
    try {
      return await this.#options.open(AbortSignal.any([signal, patience.signal]));
    } finally {
      clearTimeout(timer);
    }
  }

  /** One that has lasted was no failure. One that ended at once is: a proxy may cut every one of them. */
  #forgive(lastedMs: number): void {
    if (lastedMs >= LASTING_MS) this.#failures = 0;
  }

  #refused({ status, message }: Refusal): void {
    this.#options.state.set({ is: "refused" });
    if (status === 403) this.#options.forbidden(message);
  }

  #waitAndRetry(error: unknown, signal: AbortSignal): void {
    const { state } = this.#options;
    this.#failures += 1;
    const askedMs = error instanceof Refusal ? (error.retryAfterMs ?? 0) : 0;
    const pauseMs = Math.max(backoffMs(this.#failures), askedMs);
    this.#timer = setTimeout(() => void this.#connect(signal), pauseMs);
    // One that ends a connection may take the next: it is unreachable when that fails.
    if (state.value.is === "live") state.set({ is: "connecting" });
    else state.set(awayAfter(state.value, error, now() + pauseMs));
  }
}

/** Who calls is not known, or may not read. */
function isUnwelcome(error: unknown): error is Refusal {
  return error instanceof Refusal && (error.status === 401 || error.status === 403);
}

function awayAfter(before: ConnectionState, error: unknown, retryAt: number): ConnectionState {
  const since = "since" in before ? before.since : now();
  if (isDraining(error)) return { is: "draining", since, retryAt };
  return { is: "unreachable", since, retryAt, problem: error instanceof Refusal ? error.message : undefined };
}

/** An event stream needs no store: a sidecar that refuses one for its sake is about to end. */
function isDraining(error: unknown): boolean {
  return error instanceof Refusal && error.code === "STORE_UNAVAILABLE";
}
