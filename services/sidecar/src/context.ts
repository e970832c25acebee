import { setMaxListeners } from "node:events";
import { LINGER_MS } from "@sluice/client/shapes";
import { type AcquireRequest, definitionDefaults, newLeaseId, type Store } from "@sluice/core";
import { type MeteredStore, meteredStore } from "@sluice/core/prometheus";
import { Registry } from "prom-client";
import { Access } from "./access/access.js";
import { Acquires } from "./attempts/acquires.js";
import { Attempts } from "./attempts/attempts.js";
import type { ConsolePage } from "./console/console-page.js";
import { HandedOut } from "./handed-out.js";
import { Custody, type Owner } from "./leases/custody.js";
import { VanishedHosts } from "./leases/vanished-hosts.js";
import { ClientCount, defaultLimits, type Limits } from "./limits/client-limits.js";
import type { Log } from "./log.js";
import { SidecarMetrics } from "./metrics.js";
import type { Health } from "./operation/readiness.js";

export interface ContextOptions {
  readonly store: Store;
  readonly log: Log;
  readonly access?: Access;
  readonly limits?: Limits;
  /** How parts are that nobody can ask; they are well when left out. */
  readonly health?: Health;
  /** What people see at `/`; undefined where it was not built. */
  readonly page?: ConsolePage | undefined;
  /** How many semaphores have metrics of their own. */
  readonly metricsMaxSemaphores: number;
  /** For how long an acquire with an `Idempotency-Key` outlives its caller; 5,000 when left out, as is promised. */
  readonly lingerMs?: number | undefined;
}

/** What the routes share. */
export class Context {
  readonly store: MeteredStore;
  readonly log: Log;
  /** Of this run of the sidecar. */
  readonly name = newLeaseId();
  readonly registry = new Registry();
  readonly metrics: SidecarMetrics;
  readonly attempts: Attempts;
  readonly acquires: Acquires;
  readonly handedOut = new HandedOut();
  /** The leases that are renewed for sessions and holds. */
  readonly custody: Custody;
  /** For how long a session that is not on loopback is kept for its client to come back. */
  readonly graceMs: number;
  readonly sessions: ClientCount;
  readonly vanishedHosts = new VanishedHosts();
  readonly access: Access;
  readonly health: Health;
  readonly page: ConsolePage | undefined;
  readonly #closing = new AbortController();
  readonly #draining = new AbortController();

  constructor({
    store,
    log,
    access = new Access(),
    limits = defaultLimits,
    health = { config: undefined, recovery: undefined },
    page,
    metricsMaxSemaphores,
    lingerMs = LINGER_MS,
  }: ContextOptions) {
    this.log = log;
    setMaxListeners(0, this.#closing.signal);
    this.access = access;
    this.health = health;
    this.page = page;
    this.store = meteredStore(store, { registry: this.registry, maxSemaphores: metricsMaxSemaphores });
    this.metrics = new SidecarMetrics(this.registry);
    this.attempts = new Attempts(this.store, (request) => this.#giveBack(request));
    const { store: metered, attempts } = this;
    this.custody = new Custody(metered, log);
    this.graceMs = Math.min(definitionDefaults.leaseMs, metered.maxLeaseMs);
    this.sessions = new ClientCount(limits.sessionsPerClient, "sessions and holds");
    this.acquires = new Acquires({ store: metered, attempts, limits, lingerMs });
  }

  /** From then on nothing is granted; what was granted can be renewed and released. */
  get draining(): boolean {
    return this.#draining.signal.aborted;
  }

  /** Aborts when the sidecar begins to drain. */
  get drainBegun(): AbortSignal {
    return this.#draining.signal;
  }

  /** Aborts when the sidecar ends: answers that last for as long as their connection end then. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  close(): void {
    this.drain();
    this.attempts.withdrawAll();
    this.custody.close();
    this.#closing.abort();
  }

  drain(): void {
    this.#draining.abort();
    this.attempts.dismissAll();
  }

  /**
   * Gives a lease back, whoever keeps it. True when it was held until this call.
   *
   * @param by who asks for that, where it keeps leases here
   */
  release(semaphore: string, lease: string, by?: Owner): Promise<boolean> {
    this.custody.letGo(semaphore, lease, by);
    this.handedOut.ended(semaphore, lease);
    return this.store.release({ semaphore, lease });
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
