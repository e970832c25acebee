/** The keys of a quorum's masters, the same on each. */
export class Keys {
  readonly marker: string;
  readonly names: string;
  /** What the keys of every semaphore begin with. */
  readonly base: string;

  constructor(prefix: string) {
    this.base = `${prefix}:quorum:`;
    this.marker = `${this.base}marker`;
    this.names = `${this.base}names`;
  }

  of(semaphore: string): SemaphoreKeys {
    const base = `${this.base}{${semaphore}}:`;
    const common = [this.marker, `${base}facts`, `${base}leases`] as const;
    return {
      common,
      look: [...common, `${base}queue`, `${base}waiters`, `${base}processes`],
      tell: [...common, this.names],
      vote: (slots) => [...common, ...slots.map((slot) => `${base}slot:${slot}`)],
    };
  }
}

export interface SemaphoreKeys {
  readonly common: readonly string[];
  readonly look: readonly string[];
  readonly tell: readonly string[];
  /** One mutex for each slot, behind what the masters keep of the semaphore. */
  vote(slots: readonly number[]): string[];
}
