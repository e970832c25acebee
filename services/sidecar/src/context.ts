import { LINGER_MS } from "@sluice/client/shapes";
import type { AcquireRequest, Store } from "@sluice/core";
import { type MeteredStore, meteredStore } from "@sluice/core/prometheus";
import { Registry } from "prom-client";
import { Attempts } from "./attempts/attempts.js";
import { HandedOut } from "./handed-out.js";
import type { Log } from "./log.js";
import { SidecarMetrics } from "./metrics.js";

export interface ContextOptions {
  readonly store: Store;
  readonly log: Log;
  /** How many semaphores have metrics of their own. */
  readonly metricsMaxSemaphores: number;
  /** For how long an acquire with an `Idempotency-Key` outlives its caller; 5,000 when left out, as is promised. */
  readonly lingerMs?: number | undefined;
}

/** What the routes share. */
export class Context {
  readonly store: MeteredStore;
  readonly log: Log;
  readonly registry = new Registry();
  readonly metrics: SidecarMetrics;
  readonly attempts: Attempts;
  readonly handedOut = new HandedOut();
  readonly lingerMs: number;
  #draining = false;

  constructor({ store, log, metricsMaxSemaphores, lingerMs = LINGER_MS }: ContextOptions) {
    this.log = log;
    this.lingerMs = lingerMs;
    this.store = meteredStore(store, { registry: this.registry, maxSemaphores: metricsMaxSemaphores });
    this.metrics = new SidecarMetrics(this.registry);
    this.attempts = new Attempts(this.store, (request) => this.#giveBack(request));
  }

  /** From then on nothing is granted; what was granted can be renewed and released. */
  get draining(): boolean {
    return this.#draining;
  }

  drain(): void {
    this.#draining = true;
    this.attempts.dismissAll();
  }

  async #giveBack({ semaphore, lease, attempt }: AcquireRequest): Promise<void> {
    try {
      const released = await this.store.release({ semaphore, lease, attempt }, "disconnect");
      if (released) this.handedOut.ended(semaphore, lease);
    } catch (error) {
      this.log.warn("a lease that nobody waited for was not released; it will lapse", { semaphore, error });
    }
  }
}
