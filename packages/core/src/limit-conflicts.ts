/**
 * Warns where the stored limit is not the one that a constructor asked for. The stored one rules: two releases of a
 * program run side by side during every deployment, and neither may overrule the other in passing.
 */
export class LimitConflicts {
  readonly #semaphore: string;
  /** Stored limits that were warned of, so that each is told once and not with every acquire. */
  readonly #told = new Set<number>();

  constructor(semaphore: string) {
    this.#semaphore = semaphore;
  }

  /** Emits a process warning of type `SluiceWarning` and code `LIMIT_CONFLICT`, once for each `stored` limit. */
  warn(asked: number, stored: number): void {
    if (this.#told.has(stored)) return;
    this.#told.add(stored);
    process.emitWarning(
      `"${this.#semaphore}" keeps limit ${stored} (stored); this process asked for ${asked}. ` +
        `Change it with semaphore.resize(${asked}) or: sluice resize ${this.#semaphore} ${asked}`,
      { type: "SluiceWarning", code: "LIMIT_CONFLICT" },
    );
  }
}
