import { Counter, Histogram } from "prom-client";
import type { AcquireResult, LossReason } from "../store.js";
import type { AnyRegistry } from "./registry.js";

/** From 1 ms to 10 minutes. */
const waitBuckets = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600,
];

const outcomes = ["granted", "timeout", "aborted", "queue_full", "error"] as const;
const releaseReasons = ["explicit", "disconnect"] as const;
const renewalOutcomes = ["renewed", "lapsed", "revoked", "error"] as const satisfies readonly (
  | "renewed"
  | LossReason
  | "error"
)[];

export type AcquireOutcome = (typeof outcomes)[number];
export type ReleaseReason = (typeof releaseReasons)[number];
export type RenewalOutcome = (typeof renewalOutcomes)[number];

/** How each answer of a store is counted. */
export const acquireOutcomes: Readonly<Record<AcquireResult["outcome"], AcquireOutcome>> = {
  granted: "granted",
  timeout: "timeout",
  aborted: "aborted",
  superseded: "aborted",
  queue_full: "queue_full",
  exceeds_limit: "error",
  unknown: "error",
  reused: "error",
  recovering: "error",
};

export interface Count {
  inc(value?: number): void;
}

export interface Distribution {
  observe(value: number): void;
}

/** What is counted of one semaphore: the labels are looked up once and not with every event. */
export interface SemaphoreMeter {
  readonly acquires: Readonly<Record<AcquireOutcome, Count>>;
  readonly releases: Readonly<Record<ReleaseReason, Count>>;
  readonly renewals: Readonly<Record<RenewalOutcome, Count>>;
  readonly lost: Count;
  readonly limitConflicts: Count;
  readonly recoveries: Count;
  readonly waitSeconds: Distribution;
  readonly leaseSeconds: Distribution;
}

/**
 * The metrics that have a label `semaphore` and count what this process does.
 *
 * A series that first appears as 1 hides its first event from `rate()` and `increase()`: so all counters of a semaphore
 * appear at once, as 0. Its histograms, which are two thirds of its series, do so when the process first uses it.
 */
export class SemaphoreMetrics {
  readonly #metrics: ReturnType<typeof metricsIn>;

  /** @param collect is waited for by every scrape, and may begin and drop series */
  constructor(registers: AnyRegistry[], collect: () => Promise<void>) {
    this.#metrics = metricsIn(registers, collect);
  }

  /** Begins the counters of a value of the label, at 0. */
  begin(semaphore: string): SemaphoreMeter {
    const { acquires, releases, renewals, waitSeconds, leaseSeconds } = this.#metrics;
    return {
      acquires: byName(outcomes, (outcome) => fromZero(acquires.labels({ semaphore, outcome }))),
      releases: byName(releaseReasons, (reason) => fromZero(releases.labels({ semaphore, reason }))),
      renewals: byName(renewalOutcomes, (outcome) => fromZero(renewals.labels({ semaphore, outcome }))),
      lost: fromZero(this.#metrics.lost.labels({ semaphore })),
      limitConflicts: fromZero(this.#metrics.limitConflicts.labels({ semaphore })),
      recoveries: fromZero(this.#metrics.recoveries.labels({ semaphore })),
      waitSeconds: waitSeconds.labels({ semaphore }),
      leaseSeconds: leaseSeconds.labels({ semaphore }),
    };
  }

  /** Begins its histograms, empty. */
  use(semaphore: string): void {
    this.#metrics.waitSeconds.zero({ semaphore });
    this.#metrics.leaseSeconds.zero({ semaphore });
  }

  /** Ends all of them. */
  drop(semaphore: string): void {
    const { acquires, releases, renewals, ...others } = this.#metrics;
    for (const outcome of outcomes) acquires.remove({ semaphore, outcome });
    for (const reason of releaseReasons) releases.remove({ semaphore, reason });
    for (const outcome of renewalOutcomes) renewals.remove({ semaphore, outcome });
    for (const metric of Object.values(others)) metric.remove({ semaphore });
  }
}

function byName<Name extends string>(
  names: readonly Name[],
  make: (name: Name) => Count,
): Record<Name, Count> {
  return Object.fromEntries(names.map((name) => [name, make(name)])) as Record<Name, Count>;
}

function fromZero(count: Count): Count {
  count.inc(0);
  return count;
}

function metricsIn(registers: AnyRegistry[], collect: () => Promise<void>) {
  const common = { registers, collect };
  const labelNames = ["semaphore"] as const;
  return {
    acquires: new Counter({
      name: "sluice_acquires_total",
      help: "Acquires that ended, by outcome: granted, timeout, aborted, queue_full or error.",
      labelNames: ["semaphore", "outcome"],
      ...common,
    }),
    releases: new Counter({
      name: "sluice_releases_total",
      help: "Leases that were released while they were held, by reason: explicit or disconnect.",
      labelNames: ["semaphore", "reason"],
      ...common,
    }),
    renewals: new Counter({
      name: "sluice_renewals_total",
      help: "Renewals of leases, by outcome: renewed, lapsed, revoked or error.",
      labelNames: ["semaphore", "outcome"],
      ...common,
    }),
    lost: new Counter({
      name: "sluice_leases_lost_total",
      help: "Leases that ended before they were released.",
      labelNames,
      ...common,
    }),
    limitConflicts: new Counter({
      name: "sluice_limit_conflicts_total",
      help: "Acquires that asked for another limit than the stored one, which ruled.",
      labelNames,
      ...common,
    }),
    recoveries: new Counter({
      name: "sluice_recoveries_total",
      help: "Pauses in new grants after a restart of the store, as far as this process saw them.",
      labelNames,
      ...common,
    }),
    waitSeconds: new Histogram({
      name: "sluice_acquire_wait_seconds",
      help: "How long those acquires took that were granted.",
      labelNames,
      buckets: waitBuckets,
      ...common,
    }),
    leaseSeconds: new Histogram({
      name: "sluice_lease_duration_seconds",
      help: "How long leases were held, from the grant to the release or the loss.",
      labelNames,
      buckets: waitBuckets,
      ...common,
    }),
  };
}
