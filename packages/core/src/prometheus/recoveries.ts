/** Tells when a semaphore starts to recover from a restart of its store: once, however often it is seen meanwhile. */
export class Recoveries {
  readonly #underWay = new Set<string>();
  readonly #started: (semaphore: string) => void;

  constructor(started: (semaphore: string) => void) {
    this.#started = started;
  }

  saw(semaphore: string, recovering: boolean): void {
    if (!recovering) {
      this.#underWay.delete(semaphore);
    } else if (!this.#underWay.has(semaphore)) {
      this.#underWay.add(semaphore);
      this.#started(semaphore);
    }
  }
}
