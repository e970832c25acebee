import { HttpProblem } from "../http/problem.js";

export interface Limits {
  /** Acquires of one client that may wait at once. */
  readonly waitersPerClient: number;
  /** Sessions and holds that one client may have open. */
  readonly sessionsPerClient: number;
  /** Semaphores that callers may make in passing. */
  readonly semaphoresInPassing: number;
}

export const defaultLimits: Limits = {
  waitersPerClient: 10_000,
  sessionsPerClient: 1_000,
  semaphoresInPassing: 10_000,
};

/** Takes back what was counted. */
export type Uncount = () => void;

/** How many of something each client has, bounded. A client is a token, or an address where there are no tokens. */
export class ClientCount {
  readonly #most: number;
  readonly #what: string;
  readonly #byClient = new Map<string, number>();

  /** @param what in the plural, for the one who is refused */
  constructor(most: number, what: string) {
    this.#most = most;
    this.#what = what;
  }

  /** @throws HttpProblem TOO_MANY_REQUESTS */
  add(client: string): Uncount {
    const count = this.#byClient.get(client) ?? 0;
    if (count >= this.#most) {
      throw new HttpProblem("TOO_MANY_REQUESTS", `a client may have ${this.#most} ${this.#what} at once`);
    }
    this.#byClient.set(client, count + 1);
    let counted = true;
    return () => {
      if (counted) this.#remove(client);
      counted = false;
    };
  }

  #remove(client: string): void {
    const left = (this.#byClient.get(client) ?? 1) - 1;
    if (left === 0) this.#byClient.delete(client);
    else this.#byClient.set(client, left);
  }
}
