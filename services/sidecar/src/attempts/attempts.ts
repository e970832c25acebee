import type { AcquireRequest, Store } from "@sluice/core";
import { Attempt, type GiveBack } from "./attempt.js";

/** All attempts of this sidecar that wait, are being answered, or linger. */
export class Attempts {
  readonly #store: Store;
  readonly #giveBack: GiveBack;
  readonly #byLease = new Map<string, Set<Attempt>>();

  constructor(store: Store, giveBack: GiveBack) {
    this.#store = store;
    this.#giveBack = giveBack;
  }

  get size(): number {
    let size = 0;
    for (const attempts of this.#byLease.values()) size += attempts.size;
    return size;
  }

  /** @param onEnd called once, when nothing of the attempt is left */
  start(request: AcquireRequest, lingerMs: number, onEnd = () => {}): Attempt {
    const key = `${request.semaphore} ${request.lease}`;
    const attempts = this.#byLease.get(key) ?? new Set();
    const attempt: Attempt = new Attempt(this.#store, request, {
      lingerMs,
      giveBack: this.#giveBack,
      onTold: () => this.#share(key, attempt),
      onEnd: () => {
        this.#forget(key, attempt);
        onEnd();
      },
    });
    // Their caller is back: the lease belongs to this attempt now, so that nothing is undone by their leaving.
    for (const earlier of attempts) if (earlier.lingers) earlier.withdraw();
    this.#byLease.set(key, attempts.add(attempt));
    return attempt;
  }

  /** Sends those who wait away. Those who can come back keep their places for a while. */
  dismissAll(): void {
    for (const attempt of this.#all()) attempt.dismiss();
  }

  /** Ends every wait, and undoes what lingers. */
  withdrawAll(): void {
    for (const attempt of this.#all()) attempt.withdraw();
  }

  /** A copy: what ends is taken out. */
  #all(): Attempt[] {
    return [...this.#byLease.values()].flatMap((attempts) => [...attempts]);
  }

  #share(key: string, told: Attempt): void {
    for (const attempt of this.#byLease.get(key) ?? []) if (attempt !== told) attempt.share();
  }

  #forget(key: string, attempt: Attempt): void {
    const attempts = this.#byLease.get(key);
    attempts?.delete(attempt);
    if (attempts?.size === 0) this.#byLease.delete(key);
  }
}
