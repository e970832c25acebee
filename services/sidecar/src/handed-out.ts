/** The leases that this sidecar has granted and that may still be held, by its own account. */
export class HandedOut {
  readonly #endsAt = new Map<string, number>();
  #tidyAt = 1_024;

  /** How many there are now. */
  get size(): number {
    this.#tidy();
    return this.#endsAt.size;
  }

  granted(semaphore: string, lease: string, validUntil: number): void {
    this.#endsAt.set(nameOf(semaphore, lease), validUntil);
    if (this.#endsAt.size >= this.#tidyAt) this.#tidy();
  }

  /** Leases that another sidecar has granted are not ours to wait for. */
  renewed(semaphore: string, lease: string, validUntil: number): void {
    const name = nameOf(semaphore, lease);
    if (this.#endsAt.has(name)) this.#endsAt.set(name, validUntil);
  }

  ended(semaphore: string, lease: string): void {
    this.#endsAt.delete(nameOf(semaphore, lease));
  }

  /** Forgets what has lapsed; with every doubling, so that it costs next to nothing for each lease. */
  #tidy(): void {
    const now = performance.now();
    for (const [name, endsAt] of this.#endsAt) if (endsAt <= now) this.#endsAt.delete(name);
    this.#tidyAt = Math.max(1_024, this.#endsAt.size * 2);
  }
}

function nameOf(semaphore: string, lease: string): string {
  return `${semaphore} ${lease}`;
}
