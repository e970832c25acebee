/** Tells when a semaphore starts to recover from a restart of its store: once, however often it is seen meanwhile. */
export class Recoveries {
  readonly #underWay = new Set<string>();

  /** True where that is news of a recovery. */
  saw(semaphore: string, recovering: boolean): boolean {
    const isNews = recovering && !this.#underWay.has(semaphore);
    if (recovering) this.#underWay.add(semaphore);
    else this.#underWay.delete(semaphore);
    return isNews;
  }
}
