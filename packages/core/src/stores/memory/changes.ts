import { ledgerNow } from "./live.js";
import type { Intent, State } from "./state.js";

/** A change of a definition that somebody has asked for. */
export interface Change {
  readonly semaphore: string;
  /** What has to be remembered before it is made. */
  intend(now: number): Intent;
  /** Makes it at the moment of its intent, and answers its caller. */
  make(now: number): void;
  /** Tells its caller why it is not made. */
  refuse(reason: unknown): void;
}

/**
 * The changes that one turn of the loop asks for. One write serves them all, because each write waits for the disk and
 * holds all semaphores; they are made, and their callers hear of it, after it.
 */
export class Changes {
  readonly #state: State;
  /** By semaphore, in the order of their asking. */
  #asked = new Map<string, Change>();

  constructor(state: State) {
    this.#state = state;
  }

  /** At most one change of a semaphore waits: what comes of the next one depends on it. */
  add(change: Change): void {
    this.settle(change.semaphore);
    // No microtask: it would part those who come here by promises of one turn, and never let the loop go on while
    // somebody makes one change after the other.
    if (this.#asked.size === 0) setImmediate(() => this.settleAll());
    this.#asked.set(change.semaphore, change);
  }

  /** For those who do something else with the semaphore: they come after its change. */
  settle(semaphore: string): void {
    if (this.#asked.has(semaphore)) this.settleAll();
  }

  /** Writes and makes all that wait; those that need a write which fails are refused. */
  settleAll(): void {
    if (this.#asked.size === 0) return;
    const changes = [...this.#asked.values()];
    this.#asked = new Map();
    // One moment for all of it: a lease that lapses meanwhile must not make of a change what was not written.
    const now = ledgerNow();
    const intended = changes.map((change) => ({ change, intent: change.intend(now) }));
    const failure = this.#keep(intended.map(({ intent }) => intent));
    for (const { change, intent } of intended) {
      if (this.#state.remembers(intent)) change.make(now);
      else change.refuse(failure);
    }
  }

  /** Returns why it could not. */
  #keep(intents: readonly Intent[]): unknown {
    try {
      this.#state.keep(intents);
      return undefined;
    } catch (error) {
      return error;
    }
  }
}
