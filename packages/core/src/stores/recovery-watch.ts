import type { StoreObserver } from "../store.js";
import { Alarm } from "./alarm.js";

/** A recovery that takes longer than was told by so much is told of again: by less, clocks and ways of replies differ. */
const toldAgainMs = 1_000;

/** Tells observers that a store recovers, and when it grants again. */
export class RecoveryWatch {
  readonly #observers = new Set<StoreObserver>();
  readonly #over = new Alarm(() => this.#end(), { keepsAlive: false });
  /** By `performance.now()`; 0: nothing is recovered. */
  #until = 0;
  #toldUntil = 0;
  #cause = "";

  /** Who comes during a recovery is told of it at once. Returns the function that ends it. */
  observe(observer: StoreObserver): () => void {
    this.#observers.add(observer);
    if (this.#until > performance.now()) this.#tellOf(observer);
    return () => this.#observers.delete(observer);
  }

  /**
   * Nothing is granted before `until`; one recovery may be prolonged by what is learned meanwhile, such as another
   * restart. True where that is the news of a recovery.
   */
  begin(until: number, cause: string): boolean {
    const active = this.#until > 0;
    if (until <= Math.max(this.#until, performance.now())) return false;
    this.#until = until;
    this.#over.set(until);
    if (active && until - this.#toldUntil < toldAgainMs) return false;
    this.#toldUntil = until;
    this.#cause = cause;
    for (const observer of this.#observers) this.#tellOf(observer);
    return !active;
  }

  /** It grants again, earlier than was said. */
  end(): void {
    if (this.#until === 0) return;
    this.#over.clear();
    this.#end();
  }

  close(): void {
    this.#over.clear();
    this.#observers.clear();
  }

  #tellOf(observer: StoreObserver): void {
    const untilMs = Math.max(1, Math.ceil(this.#until - performance.now()));
    observer.recovery?.({ active: true, untilMs, cause: this.#cause });
  }

  #end(): void {
    this.#until = 0;
    for (const observer of this.#observers) observer.recovery?.({ active: false });
  }
}
