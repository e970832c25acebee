import type { Semaphores } from "../fleet/fleet.js";
import { History, unknown } from "./history.js";

/** The history of every semaphore since the page was opened. */
export class Histories {
  readonly #histories = new Map<string, History>();
  #recorded: Semaphores = new Map();
  #isPaused = false;

  of(semaphore: string): History | undefined {
    return this.#histories.get(semaphore);
  }

  /** From `at` on nobody knows, until the next record. */
  pause(at: number): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    for (const history of this.#histories.values()) history.add({ at, ...unknown });
  }

  /** Keeps what is new since the call before, as of `at`, and forgets the semaphores that are gone. */
  record(semaphores: Semaphores, at: number): void {
    for (const [name, told] of semaphores) {
      if (told === this.#recorded.get(name) && !this.#isPaused) continue;
      const { inUse, limit, waiting } = told.status;
      this.#historyOf(name).add({ at, inUse, limit, waiting, isKnown: true });
    }
    this.#isPaused = false;
    for (const name of this.#recorded.keys()) {
      if (!semaphores.has(name)) this.#histories.delete(name);
    }
    this.#recorded = semaphores;
  }

  forgetAll(): void {
    this.#histories.clear();
    this.#recorded = new Map();
  }

  #historyOf(name: string): History {
    const known = this.#histories.get(name) ?? new History();
    this.#histories.set(name, known);
    return known;
  }
}
