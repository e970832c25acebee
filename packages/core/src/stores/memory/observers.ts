import type { StoreObserver } from "../../store.js";
import { Alarm } from "../alarm.js";

/** Those who are told what a memory store does: there is no server, only its state on disk and its recovery. */
export class Observers {
  readonly #observers = new Set<StoreObserver>();
  readonly #recoverUntil: number;
  readonly #recovered = new Alarm(() => this.#tellRecovered(), { keepsAlive: false });

  /** @param recoverUntil by `performance.now()`; 0 where nothing is recovered */
  constructor(recoverUntil: number) {
    this.#recoverUntil = recoverUntil;
    if (recoverUntil > performance.now()) this.#recovered.set(recoverUntil);
  }

  /** Returns the function that ends it. */
  add(observer: StoreObserver): () => void {
    this.#observers.add(observer);
    const untilMs = Math.ceil(this.#recoverUntil - performance.now());
    if (untilMs > 0) observer.recovery?.({ active: true, untilMs, cause: "the last end was not clean" });
    return () => this.#observers.delete(observer);
  }

  tellAvailability(event: { readonly up: boolean; readonly cause?: unknown }): void {
    for (const observer of this.#observers) observer.availability?.(event);
  }

  end(): void {
    this.#recovered.clear();
    this.#observers.clear();
  }

  #tellRecovered(): void {
    for (const observer of this.#observers) observer.recovery?.({ active: false });
  }
}
