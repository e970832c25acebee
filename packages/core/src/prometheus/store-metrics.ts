import { Counter, Gauge } from "prom-client";
import { StoreUnavailableError } from "../errors.js";
import { inTime } from "../in-time.js";
import type { SemaphoreStatus, Store } from "../store.js";
import { labelled, overflow } from "./labels.js";
import type { AnyRegistry } from "./registry.js";
import { SharedTotals, type Totals } from "./shared-totals.js";
import { Turns } from "./turns.js";

/** A scrape waits so long for the store; Prometheus gives a scrape 10 s unless told otherwise. */
const scrapeTimeoutMs = 2_000;
const pageSize = 1_000;

/** What a store has answered: its semaphores, or that it is there and does not show them to this caller. */
interface Answer {
  readonly semaphores: readonly SemaphoreStatus[] | undefined;
}

/**
 * What the store knows, read at each scrape: global, the same in every process. While the store is away these metrics
 * are left out, and `sluice_store_up` is 0.
 */
export class StoreMetrics {
  readonly #store: Store;
  readonly #maxSemaphores: number;
  readonly #seen: (semaphores: readonly SemaphoreStatus[]) => void;
  readonly #up: Gauge;
  readonly #metrics: ReturnType<typeof perSemaphoreMetrics>;
  readonly #sharedTotals = new SharedTotals();
  readonly #turns = new Turns();
  #refreshing: Promise<void> | undefined;
  #asking: Promise<Answer> | undefined;

  /** @param seen is told of all semaphores that the store has, in the order in which they get labels */
  constructor(
    store: Store,
    registers: AnyRegistry[],
    maxSemaphores: number,
    seen: (semaphores: readonly SemaphoreStatus[]) => void,
  ) {
    this.#store = store;
    this.#maxSemaphores = maxSemaphores;
    this.#seen = seen;
    this.#up = new Gauge({
      name: "sluice_store_up",
      help: "1 when the store answered this scrape in time, otherwise 0.",
      registers,
      collect: this.collect,
    });
    this.#metrics = perSemaphoreMetrics(registers, this.collect);
  }

  /**
   * For each metric that a look at the store may change: waits for that, and for the metric's turn. What is done with one
   * metric of a thousand semaphores takes up to 60 ms, all of them 200 ms, and leases have to be renewed meanwhile.
   */
  readonly collect = async (): Promise<void> => {
    await this.refresh();
    await this.#turns.next();
  };

  /** Looks at the store. The metrics of one scrape ask in the same turn, and share one look. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#look().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #look(): Promise<void> {
    // A store that hangs is not asked again by the scrapes that come meanwhile.
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
    });
    this.#publish(await inTime(scrapeTimeoutMs, this.#asking).catch(() => undefined));
  }

  /** A sidecar shows semaphores to some tokens alone, and is up for all others, too. */
  async #ask(): Promise<Answer> {
    try {
      return { semaphores: await this.#list() };
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      await this.#store.ping();
      return { semaphores: undefined };
    }
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

  #publish(answer: Answer | undefined): void {
    for (const metric of Object.values(this.#metrics)) metric.reset();
    this.#up.set(answer === undefined ? 0 : 1);
    if (answer?.semaphores === undefined) return;
    const { named, others } = labelled(answer.semaphores, this.#maxSemaphores);
    this.#seen([...named, ...others]);
    for (const status of named) this.#publishOne(status);
    const totals = this.#sharedTotals.look(answer.semaphores, others);
    if (others.length > 0) this.#publishOne({ ...sumOf(others), ...totals });
  }

  #publishOne(status: PublishedStatus): void {
    const label = { semaphore: status.semaphore };
    const { limit, inUse, waiters, grants, lapses, revocations, recovering } = this.#metrics;
    limit.set(label, status.limit);
    inUse.set(label, status.inUse);
    waiters.set(label, status.waiting);
    grants.inc(label, status.grantsTotal);
    lapses.inc(label, status.lapsesTotal);
    revocations.inc(label, status.revocationsTotal);
    recovering.set(label, Number(status.recovering));
    if (status.inUse > 0) this.#metrics.oldestLease.set(label, secondsAgo(status.oldestLeaseMs));
    if (status.waiting > 0) this.#metrics.oldestWaiter.set(label, secondsAgo(status.oldestWaiterMs));
  }
}

type PublishedStatus = Omit<SemaphoreStatus, "leaseMs" | "maxWaiters" | "version">;

/** What semaphores that share a label show together: of leases and waiters the oldest. */
function sumOf(semaphores: readonly SemaphoreStatus[]): Omit<PublishedStatus, keyof Totals> {
  const sum = (of: (status: SemaphoreStatus) => number) => semaphores.reduce((all, one) => all + of(one), 0);
  const most = (of: (status: SemaphoreStatus) => number) =>
    semaphores.reduce((most, one) => Math.max(most, of(one)), 0);
  return {
    semaphore: overflow,
    limit: sum(({ limit }) => limit),
    inUse: sum(({ inUse }) => inUse),
    waiting: sum(({ waiting }) => waiting),
    recovering: semaphores.some(({ recovering }) => recovering),
    oldestLeaseMs: most(({ inUse, oldestLeaseMs }) => (inUse > 0 ? oldestLeaseMs : 0)),
    oldestWaiterMs: most(({ waiting, oldestWaiterMs }) => (waiting > 0 ? oldestWaiterMs : 0)),
  };
}

function secondsAgo(durationMs: number): number {
  return (Date.now() - durationMs) / 1_000;
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
