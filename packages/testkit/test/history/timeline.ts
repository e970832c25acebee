/** Runs what was planned, in the order of the time that it was planned for. */
export class Timeline {
  now = 0;
  readonly #plans: { readonly at: number; readonly action: () => void }[] = [];

  at(at: number, action: () => void): void {
    let place = this.#plans.length;
    while (place > 0 && (this.#plans[place - 1]?.at ?? 0) > at) place -= 1;
    this.#plans.splice(place, 0, { at, action });
  }

  /** Stops where nothing is planned any more. */
  run(): void {
    for (let next = this.#plans.shift(); next; next = this.#plans.shift()) {
      this.now = next.at;
      next.action();
    }
  }
}
