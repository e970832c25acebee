import type { Store } from "@sluice/core";
import type { Log } from "../log.js";
import type { Recovery } from "./recovery.js";

/** How often the log repeats that the store is away, in milliseconds. */
const REMIND_MS = 10_000;

/** What the store does by itself, told in the log: each change once, and that it is away again and again. */
export class StoreWatch {
  readonly #store: Store;
  readonly #log: Log;
  readonly #unobserve: () => void;
  #reminding: NodeJS.Timeout | undefined;
  #awaySince = 0;
  #recovery: Recovery | undefined;
  #stopped = false;

  constructor(store: Store, log: Log) {
    this.#store = store;
    this.#log = log;
    let hasTold = false;
    this.#unobserve = store.observe({
      availability: ({ up, cause }) => {
        hasTold = true;
        if (up) this.#back();
        else this.#away(cause);
      },
      recovery: ({ active, untilMs, cause }) => (active ? this.#recovers(untilMs, cause) : this.#recovered()),
    });
    // One that refuses us from the start tells its observers nothing.
    store.ping().catch((error) => {
      if (!hasTold) this.#away(error);
    });
  }

  /** Undefined while the store grants. */
  get recovery(): Recovery | undefined {
    return this.#recovery;
  }

  stop(): void {
    this.#stopped = true;
    this.#unobserve();
    clearInterval(this.#reminding);
  }

  #away(cause: unknown): void {
    if (this.#stopped || this.#reminding !== undefined) return;
    this.#awaySince = performance.now();
    this.#warn(cause);
    this.#reminding = setInterval(() => this.#remind(), REMIND_MS);
    this.#reminding.unref();
  }

  #remind(): void {
    this.#store.ping().then(
      () => this.#back(),
      (error) => {
        if (this.#reminding !== undefined && !this.#stopped) this.#warn(error);
      },
    );
  }

  #warn(cause: unknown): void {
    this.#log.warn("the store is away; nothing is granted until it is back", {
      awayMs: this.#awayMs(),
      cause,
    });
  }

  #back(): void {
    if (this.#stopped || this.#reminding === undefined) return;
    clearInterval(this.#reminding);
    this.#reminding = undefined;
    this.#log.info("the store answers", { awayMs: this.#awayMs() });
  }

  #awayMs(): number {
    return Math.round(performance.now() - this.#awaySince);
  }

  #recovers(untilMs = 0, cause?: string): void {
    this.#recovery = { until: performance.now() + untilMs, cause };
    this.#log.warn(
      "the store recovers: nothing is granted until lost leases have been claimed or have lapsed",
      {
        untilMs,
        cause,
      },
    );
  }

  #recovered(): void {
    if (this.#recovery === undefined) return;
    this.#recovery = undefined;
    this.#log.info("the store has recovered, and grants again");
  }
}
