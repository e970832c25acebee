import type { StoreObserver } from "../../store.js";

/** Those who are told what the connections do. */
export class Observers {
  readonly #observers = new Set<StoreObserver>();

  /** @param up whether it is told at once that the store can be reached */
  add(observer: StoreObserver, up: boolean): () => void {
    this.#observers.add(observer);
    if (up) observer.availability?.({ up: true });
    return () => this.#observers.delete(observer);
  }

  roundtrip(durationMs: number, operations: number): void {
    for (const observer of this.#observers) observer.roundtrip?.({ durationMs, operations });
  }

  availability(event: { readonly up: boolean; readonly cause?: unknown }): void {
    for (const observer of this.#observers) observer.availability?.(event);
  }
}
