/** The lives of one server that this process has met. */
export class Lives {
  #first: string | undefined;
  #present = "";
  #knownSince = 0;

  /** The server is in the life in which it was first met. */
  get isFirst(): boolean {
    return this.#present === this.#first;
  }

  /** For how long the present one is known. */
  get knownForMs(): number {
    return this.#present === "" ? 0 : performance.now() - this.#knownSince;
  }

  /** Returns whether the server has begun another life since it was met last. */
  meet(incarnation: string): boolean {
    if (this.#present === incarnation) return false;
    const isAnother = this.#first !== undefined;
    this.#first ??= incarnation;
    this.#present = incarnation;
    this.#knownSince = performance.now();
    return isAnother;
  }
}
