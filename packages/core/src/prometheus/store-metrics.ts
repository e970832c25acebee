import { Counter, Gauge } from "prom-client";
import type { SemaphoreStatus, Store } from "../store.js";
import type { AnyRegistry } from "./registry.js";
import type { SemaphoreLabels } from "./semaphore-labels.js";

/** A scrape waits so long for the store; Prometheus gives a scrape 10 s unless told otherwise. */
const scrapeTimeoutMs = 2_000;
const pageSize = 1_000;

/**
 * What the store knows, read at each scrape: global, the same in every process. While the store is away these metrics
 * are left out, and `sluice_store_up` is 0.
 */
export class StoreMetrics {
  readonly #store: Store;
  readonly #labels: SemaphoreLabels;
  readonly #seen: (status: SemaphoreStatus) => void;
  readonly #up: Gauge;
  readonly #metrics: ReturnType<typeof perSemaphoreMetrics>;
  #refreshing: Promise<void> | undefined;
  #listing: Promise<SemaphoreStatus[]> | undefined;

  /** @param seen is told of every semaphore that a scrape meets */
  constructor(
    store: Store,
    registers: AnyRegistry[],
    labels: SemaphoreLabels,
    seen: (status: SemaphoreStatus) => void,
  ) {
    this.#store = store;
    this.#labels = labels;
    this.#seen = seen;
    const collect = () => this.#refresh();
    this.#up = new Gauge({
      name: "sluice_store_up",
      help: "1 when the store answered this scrape in time, otherwise 0.",
      registers,
      collect,
    });
    this.#metrics = perSemaphoreMetrics(registers, collect);
  }

  /** The metrics of one scrape ask in the same turn, and share one look at the store. */
  #refresh(): Promise<void> {
    this.#refreshing ??= this.#look().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #look(): Promise<void> {
    // A list that hangs is not asked for again by the scrapes that come meanwhile.
    this.#listing ??= this.#list().finally(() => {
      this.#listing = undefined;
    });
    this.#publish(await inTime(this.#listing, scrapeTimeoutMs));
  }

  async #list(): Promise<SemaphoreStatus[]> {
    const all: SemaphoreStatus[] = [];
    let cursor: string | undefined;
    do {
      const page = await this.#store.list({ pageSize, cursor });
      all.push(...page.semaphores);
      cursor = page.cursor;
    } while (cursor !== undefined);
    return all;
  }

  #publish(semaphores: readonly SemaphoreStatus[] | undefined): void {
    for (const metric of Object.values(this.#metrics)) metric.reset();
    this.#up.set(semaphores === undefined ? 0 : 1);
    if (semaphores === undefined) return;
    for (const status of semaphores) {
      this.#seen(status);
      this.#add(status);
    }
    this.#publishOldest(semaphores);
  }

  /** Adds up where semaphores share a label. */
  #add(status: SemaphoreStatus): void {
    const label = { semaphore: this.#labels.labelOf(status.semaphore) };
    const { limit, inUse, waiters, grants, lapses, revocations, recovering } = this.#metrics;
    limit.inc(label, status.limit);
    inUse.inc(label, status.inUse);
    waiters.inc(label, status.waiting);
    grants.inc(label, status.grantsTotal);
    lapses.inc(label, status.lapsesTotal);
    revocations.inc(label, status.revocationsTotal);
    recovering.inc(label, status.recovering ? 1 : 0);
  }

  /** The youngest are set first, so that of semaphores that share a label the oldest remains. */
  #publishOldest(semaphores: readonly SemaphoreStatus[]): void {
    const { oldestLease, oldestWaiter } = this.#metrics;
    const held = semaphores.filter(({ inUse }) => inUse > 0);
    for (const { semaphore, oldestLeaseMs } of held.sort((a, b) => a.oldestLeaseMs - b.oldestLeaseMs)) {
      oldestLease.set({ semaphore: this.#labels.labelOf(semaphore) }, secondsAgo(oldestLeaseMs));
    }
    const queued = semaphores.filter(({ waiting }) => waiting > 0);
    for (const { semaphore, oldestWaiterMs } of queued.sort((a, b) => a.oldestWaiterMs - b.oldestWaiterMs)) {
      oldestWaiter.set({ semaphore: this.#labels.labelOf(semaphore) }, secondsAgo(oldestWaiterMs));
    }
  }
}

function secondsAgo(durationMs: number): number {
  return (Date.now() - durationMs) / 1_000;
}

/** What the promise brings within `timeoutMs`; undefined where it brings nothing, or fails. */
function inTime<T>(promise: Promise<T>, timeoutMs: number): Promise<T | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, timeoutMs, undefined);
    promise.then(resolve, () => resolve(undefined)).finally(() => clearTimeout(timer));
  });
}

function perSemaphoreMetrics(registers: AnyRegistry[], collect: () => Promise<void>) {
  const common = { labelNames: ["semaphore"], registers, collect };
  return {
    limit: new Gauge({
      name: "sluice_limit",
      help: "Permits in all; 0 pauses.",
      ...common,
    }),
    inUse: new Gauge({
      name: "sluice_permits_in_use",
      help: "Permits that are held.",
      ...common,
    }),
    waiters: new Gauge({
      name: "sluice_waiters",
      help: "Acquires that are queued.",
      ...common,
    }),
    oldestLease: new Gauge({
      name: "sluice_oldest_lease_timestamp_seconds",
      help: "Since when the oldest lease has been held; absent without leases.",
      ...common,
    }),
    oldestWaiter: new Gauge({
      name: "sluice_oldest_waiter_timestamp_seconds",
      help: "Since when the longest waiter has waited; absent without waiters.",
      ...common,
    }),
    grants: new Counter({
      name: "sluice_store_grants_total",
      help: "Leases granted since the semaphore was created, to whomever.",
      ...common,
    }),
    lapses: new Counter({
      name: "sluice_store_lapses_total",
      help: "Leases that ended because nobody renewed them, since the semaphore was created.",
      ...common,
    }),
    revocations: new Counter({
      name: "sluice_store_revocations_total",
      help: "Leases that were revoked since the semaphore was created.",
      ...common,
    }),
    recovering: new Gauge({
      name: "sluice_recovery_active",
      help: "1 while grants pause after a restart of the store, otherwise 0.",
      ...common,
    }),
  };
}
