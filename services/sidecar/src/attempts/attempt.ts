import type { AcquireRequest, AcquireResult, Store } from "@sluice/core";

/** Gives back what an attempt still owns. */
export type GiveBack = (request: AcquireRequest) => Promise<void>;

export interface AttemptOptions {
  /** For how long its place in the queue, or its grant, outlives its caller. */
  readonly lingerMs: number;
  readonly giveBack: GiveBack;
  /** Called when its caller is about to be told of a grant. */
  readonly onTold: () => void;
  /** Called once, when there is nothing left to undo. */
  readonly onEnd: () => void;
}

/**
 * One HTTP request's try to get a lease. Its nonce (`request.attempt`) sees to it that it undoes only what it still
 * owns: once the caller has asked again, here or at another sidecar, the lease belongs to that later attempt.
 */
export class Attempt {
  /** What the caller is to be told. */
  readonly answer: Promise<AcquireResult>;
  readonly #request: AcquireRequest;
  readonly #options: AttemptOptions;
  /** What became of it in the store. */
  readonly #result: Promise<AcquireResult>;
  readonly #leaving = new AbortController();
  #settled = false;
  /** Another caller was told of the same lease, and may believe in it. */
  #shared = false;
  #forsaken = false;
  #ended = false;
  #linger: NodeJS.Timeout | undefined;
  #sendAway!: (result: AcquireResult) => void;

  constructor(store: Store, request: AcquireRequest, options: AttemptOptions) {
    this.#request = request;
    this.#options = options;
    this.#result = store.acquire(request, this.#leaving.signal);
    this.answer = new Promise((resolve, reject) => {
      this.#sendAway = resolve;
      this.#result.then(resolve, reject);
    });
    // A caller that has left does not listen any more.
    this.answer.catch(() => {});
    const settle = (result?: AcquireResult) => this.#settle(result);
    this.#result.then(settle, () => settle());
  }

  get lingers(): boolean {
    return this.#forsaken && !this.#ended;
  }

  /** The caller is about to be told of its grant: other attempts at the lease must not undo it any more. */
  told(): void {
    this.#options.onTold();
  }

  /** Another attempt's caller was told of the lease: from now on it ends when that one releases it, or lapses. */
  share(): void {
    this.#shared = true;
  }

  /** The caller has its answer: what it was granted is its own from now on. */
  delivered(): void {
    if (!this.#forsaken) this.#end();
  }

  /** Nobody waits for the answer any more: when the linger is over, what the attempt still owns is undone. */
  forsake(lingerMs = this.#options.lingerMs): void {
    if (this.#forsaken || this.#ended) return;
    this.#forsaken = true;
    if (lingerMs === 0) this.#undo();
    else this.#linger = setTimeout(() => this.#undo(), lingerMs).unref();
  }

  /**
   * Sends a caller that still waits away; where it can come back, also to another sidecar, its place stays for as long
   * as after a hang-up. One that is about to be told of a grant keeps it.
   */
  dismiss(): void {
    if (this.#settled || this.#forsaken) return;
    this.#sendAway({ outcome: "aborted" });
    this.forsake();
  }

  /** Leaves the queue now, and undoes now what lingers. A grant that a caller is about to be told of stays. */
  withdraw(): void {
    this.#leaving.abort();
    if (this.#forsaken) this.#undo();
  }

  /** Only a grant leaves something to be undone. */
  #settle(result: AcquireResult | undefined): void {
    this.#settled = true;
    if (result?.outcome !== "granted") this.#end();
  }

  #undo(): void {
    if (this.#ended) return;
    this.#end();
    this.#leaving.abort();
    this.#result.then(
      (result) => {
        if (result.outcome !== "granted" || this.#shared) return;
        // What another attempt was granted before, perhaps at another sidecar, its caller may hold by now.
        if (!result.again) return this.#options.giveBack(this.#request);
      },
      () => {},
    );
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#linger);
    this.#options.onEnd();
  }
}
