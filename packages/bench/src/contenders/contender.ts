/** One way to share permits over Redis, and what it is measured against. */
export interface Contender {
  /** Waits for a permit, runs `work` with it, and gives it back. */
  hold(work: () => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

/** Resolves when the contender is connected. All that bear one `name` at one server share `limit` permits. */
export type OpenContender = (url: string, name: string, limit: number) => Promise<Contender>;

/** How long a permit outlives a holder that died: the default of Sluice, and given to the others. */
export const leaseMs = 10_000;
