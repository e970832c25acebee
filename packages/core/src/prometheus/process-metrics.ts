import { Counter, Histogram } from "prom-client";
import type { AcquireResult, LossReason } from "../store.js";
import type { AnyRegistry } from "./registry.js";
import type { SemaphoreLabels } from "./semaphore-labels.js";

/** From 1 ms to 10 minutes. */
const waitBuckets = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600,
];
/** From 100 µs, a round trip on loopback, to 10 s. */
const roundtripBuckets = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 10];
const operationBuckets = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024];

export type AcquireOutcome = "granted" | "timeout" | "aborted" | "queue_full" | "error";
export type ReleaseReason = "explicit" | "disconnect";
export type RenewalOutcome = "renewed" | LossReason | "error";

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

interface Count {
  inc(value?: number): void;
}

interface Distribution {
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

/** What this process does, by its own account; the counters of several processes add up. */
export class ProcessMetrics {
  readonly storeErrors: Count;
  readonly roundtripSeconds: Distribution;
  readonly batchOperations: Distribution;
  readonly #labels: SemaphoreLabels;
  readonly #meters = new Map<string, SemaphoreMeter>();
  readonly #perSemaphore: ReturnType<typeof perSemaphoreMetrics>;

  constructor(registers: AnyRegistry[], labels: SemaphoreLabels) {
    this.#labels = labels;
    this.#perSemaphore = perSemaphoreMetrics(registers);
    this.storeErrors = new Counter({
      name: "sluice_store_errors_total",
      help: "Calls of the store that failed.",
      registers,
    });
    this.roundtripSeconds = new Histogram({
      name: "sluice_store_roundtrip_seconds",
      help: "How long calls to the store's server took.",
      buckets: roundtripBuckets,
      registers,
    });
    this.batchOperations = new Histogram({
      name: "sluice_store_batch_operations",
      help: "How many operations one call to the store's server carried.",
      buckets: operationBuckets,
      registers,
    });
  }

  meterOf(semaphore: string): SemaphoreMeter {
    const label = this.#labels.labelOf(semaphore);
    let meter = this.#meters.get(label);
    if (meter === undefined) {
      meter = this.#newMeter(label);
      this.#meters.set(label, meter);
    }
    return meter;
  }

  #newMeter(semaphore: string): SemaphoreMeter {
    const { acquires, releases, renewals, lost, limitConflicts, recoveries, waitSeconds, leaseSeconds } =
      this.#perSemaphore;
    const acquired = (outcome: AcquireOutcome) => fromZero(acquires.labels({ semaphore, outcome }));
    const released = (reason: ReleaseReason) => fromZero(releases.labels({ semaphore, reason }));
    const renewed = (outcome: RenewalOutcome) => fromZero(renewals.labels({ semaphore, outcome }));
    return {
      acquires: {
        granted: acquired("granted"),
        timeout: acquired("timeout"),
        aborted: acquired("aborted"),
        queue_full: acquired("queue_full"),
        error: acquired("error"),
      },
      releases: { explicit: released("explicit"), disconnect: released("disconnect") },
      renewals: {
        renewed: renewed("renewed"),
        lapsed: renewed("lapsed"),
        revoked: renewed("revoked"),
        error: renewed("error"),
      },
      lost: fromZero(lost.labels({ semaphore })),
      limitConflicts: fromZero(limitConflicts.labels({ semaphore })),
      recoveries: fromZero(recoveries.labels({ semaphore })),
      waitSeconds: waitSeconds.labels({ semaphore }),
      leaseSeconds: leaseSeconds.labels({ semaphore }),
    };
  }
}

/** A counter that first appears as 1 hides its first event from `rate()`; so it appears as 0 first. */
function fromZero(count: Count): Count {
  count.inc(0);
  return count;
}

function perSemaphoreMetrics(registers: AnyRegistry[]) {
  return {
    acquires: new Counter({
      name: "sluice_acquires_total",
      help: "Acquires that ended, by outcome: granted, timeout, aborted, queue_full or error.",
      labelNames: ["semaphore", "outcome"],
      registers,
    }),
    releases: new Counter({
      name: "sluice_releases_total",
      help: "Leases that were released while they were held, by reason: explicit or disconnect.",
      labelNames: ["semaphore", "reason"],
      registers,
    }),
    renewals: new Counter({
      name: "sluice_renewals_total",
      help: "Renewals of leases, by outcome: renewed, lapsed, revoked or error.",
      labelNames: ["semaphore", "outcome"],
      registers,
    }),
    lost: new Counter({
      name: "sluice_leases_lost_total",
      help: "Leases that ended before they were released.",
      labelNames: ["semaphore"],
      registers,
    }),
    limitConflicts: new Counter({
      name: "sluice_limit_conflicts_total",
      help: "Acquires that asked for another limit than the stored one, which ruled.",
      labelNames: ["semaphore"],
      registers,
    }),
    recoveries: new Counter({
      name: "sluice_recoveries_total",
      help: "Pauses in new grants after a restart of the store, as far as this process saw them.",
      labelNames: ["semaphore"],
      registers,
    }),
    waitSeconds: new Histogram({
      name: "sluice_acquire_wait_seconds",
      help: "How long those acquires took that were granted.",
      labelNames: ["semaphore"],
      buckets: waitBuckets,
      registers,
    }),
    leaseSeconds: new Histogram({
      name: "sluice_lease_duration_seconds",
      help: "How long leases were held, from the grant to the release or the loss.",
      labelNames: ["semaphore"],
      buckets: waitBuckets,
      registers,
    }),
  };
}
