import type { StoreObserver } from "../../store.js";
import { RecoveryWatch } from "../recovery-watch.js";

/** Those who are told what a memory store does: there is no server, only its state on disk and its recovery. */
export class Observers {
  readonly #observers = new Set<StoreObserver>();
  readonly #recovery = new RecoveryWatch();

  /** @param recoverUntil by `performance.now()`; 0 where nothing is recovered */
  constructor(recoverUntil: number) {
    this.#recovery.begin(recoverUntil, "the last end was not clean");
  }

  /** Returns the function that ends it. */
  add(observer: StoreObserver): () => void {
    this.#observers.add(observer);
    const unobserve = this.#recovery.observe(observer);
    return () => {
      this.#observers.delete(observer);
      unobserve();
    };
  }

  tellAvailability(event: { readonly up: boolean; readonly cause?: unknown }): void {
    for (const observer of this.#observers) observer.availability?.(event);
  }

  end(): void {
    this.#recovery.close();
    this.#observers.clear();
  }
}
