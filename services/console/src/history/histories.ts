import type { Semaphores } from "../fleet/fleet.js";
import { History } from "./history.js";

/** The history of every semaphore since the page was opened. */
export class Histories {
  readonly #histories = new Map<string, History>();
  #recorded: Semaphores = new Map();

  of(semaphore: string): History | undefined {
    return this.#histories.get(semaphore);
  }

  /** Keeps what is new since the call before, and forgets the semaphores that are gone. */
  record(semaphores: Semaphores): void {
    for (const [name, told] of semaphores) {
      if (told === this.#recorded.get(name)) continue;
      const { inUse, limit, waiting } = told.status;
      this.#historyOf(name).add({ at: told.at, inUse, limit, waiting });
    }
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
