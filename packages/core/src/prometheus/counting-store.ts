import { Registry } from "prom-client";
import type {
  AcquireRequest,
  AcquireResult,
  Claim,
  DefineResult,
  Definition,
  Page,
  ReleaseRequest,
  Renewal,
  RenewResult,
  ResizeResult,
  SemaphorePage,
  Snapshot,
  Store,
  StoreObserver,
} from "../store.js";
import { LeaseClock } from "./lease-clock.js";
import { Meters } from "./meters.js";
import { ProcessMetrics } from "./process-metrics.js";
import { Recoveries } from "./recoveries.js";
import type { AnyRegistry } from "./registry.js";
import {
  acquireOutcomes,
  type ReleaseReason,
  type SemaphoreMeter,
  SemaphoreMetrics,
} from "./semaphore-meter.js";
import { StoreMetrics } from "./store-metrics.js";

/** Counts beside the calls: what the inner store promises is what the caller gets, no later and no other. */
export class CountingStore implements Store {
  readonly #store: Store;
  readonly #metrics: ProcessMetrics;
  readonly #meters: Meters;
  readonly #clock = new LeaseClock();
  readonly #recoveries = new Recoveries();
  readonly #ended: () => void;

  constructor(store: Store, registry: AnyRegistry, maxSemaphores: number) {
    // A registry of our own tells which of the metrics in the shared one are ours.
    const own = new Registry();
    const registers = [registry, own];
    const metrics = new ProcessMetrics(registers);
    const meters = new Meters(maxSemaphores, new SemaphoreMetrics(registers, () => storeMetrics.collect()));
    const storeMetrics = new StoreMetrics(store, registers, maxSemaphores, (semaphores) => {
      meters.saw(semaphores.map(({ semaphore }) => semaphore));
      for (const { semaphore, recovering } of semaphores)
        if (this.#recoveries.saw(semaphore, recovering)) meters.seenMeterOf(semaphore).recoveries.inc();
    });
    this.#store = store;
    this.#metrics = metrics;
    this.#meters = meters;
    const names = own.getMetricsAsArray().map(({ name }) => name);
    const unobserve = store.observe({
      roundtrip: ({ durationMs, operations }) => {
        metrics.roundtripSeconds.observe(durationMs / 1_000);
        metrics.batchOperations.observe(operations);
      },
      // It may be over before the next scrape.
      recovery: ({ active }) => {
        if (active) void storeMetrics.refresh();
      },
    });
    this.#ended = () => {
      unobserve();
      for (const name of names) registry.removeSingleMetric(name);
    };
  }

  get maxLeaseMs(): number {
    return this.#store.maxLeaseMs;
  }

  acquire(request: AcquireRequest, signal?: AbortSignal): Promise<AcquireResult> {
    const meter = this.#meters.meterOf(request.semaphore);
    const askedAt = performance.now();
    // A sidecar gives its leases names of its own.
    let { lease } = request;
    return this.#counted(
      this.#store.acquire(
        this.#watched(request.semaphore, request, meter, () => lease),
        signal,
      ),
      (result) => {
        if (result.outcome === "granted") lease = result.lease;
        this.#acquired(request, result, meter, askedAt);
      },
      () => meter.acquires.error.inc(),
    );
  }

  release(request: ReleaseRequest, reason: ReleaseReason = "explicit"): Promise<boolean> {
    return this.#counted(this.#store.release(request), (released) =>
      this.#released(request, released, reason),
    );
  }

  renew(semaphore: string, renewals: readonly Renewal[]): Promise<RenewResult[]> {
    const meter = this.#meters.meterOf(semaphore);
    return this.#counted(
      this.#store.renew(semaphore, renewals),
      (results) => {
        for (const result of results) this.#renewed(semaphore, result, meter);
      },
      () => meter.renewals.error.inc(renewals.length),
    );
  }

  claim(semaphore: string, claims: readonly Claim[]): Promise<RenewResult[]> {
    const meter = this.#meters.meterOf(semaphore);
    const watched = claims.map((claim) => this.#watched(semaphore, claim, meter));
    return this.#counted(
      this.#store.claim(semaphore, watched),
      (results) => {
        for (const result of results) this.#claimed(semaphore, result, meter);
      },
      () => meter.renewals.error.inc(claims.length),
    );
  }

  define(semaphore: string, definition: Definition): Promise<DefineResult> {
    return this.#counted(this.#store.define(semaphore, definition));
  }

  resize(semaphore: string, limit: number): Promise<ResizeResult> {
    return this.#counted(this.#store.resize(semaphore, limit));
  }

  remove(semaphore: string): Promise<"removed" | "in_use" | "unknown"> {
    return this.#counted(this.#store.remove(semaphore));
  }

  revoke(semaphore: string, lease: string): Promise<boolean> {
    return this.#counted(this.#store.revoke(semaphore, lease));
  }

  inspect(semaphore: string, page?: Page): Promise<Snapshot | undefined> {
    return this.#counted(this.#store.inspect(semaphore, page));
  }

  list(page?: Page): Promise<SemaphorePage> {
    return this.#counted(this.#store.list(page));
  }

  ping(): Promise<void> {
    return this.#counted(this.#store.ping());
  }

  observe(observer: StoreObserver): () => void {
    return this.#store.observe(observer);
  }

  close(): Promise<void> {
    return this.#store.close().finally(this.#ended);
  }

  /** The same request, whose loss is counted before its caller learns of it. */
  #watched<Asked extends AcquireRequest | Claim>(
    semaphore: string,
    asked: Asked,
    meter: SemaphoreMeter,
    leaseNow = () => asked.lease,
  ): Asked {
    const onLost: AcquireRequest["onLost"] = (reason) => {
      this.#lost(semaphore, leaseNow(), meter);
      asked.onLost?.(reason);
    };
    const onRenewed: AcquireRequest["onRenewed"] = (validUntil) => {
      this.#clock.extend(semaphore, leaseNow(), validUntil);
      asked.onRenewed?.(validUntil);
    };
    return { ...asked, onLost, onRenewed };
  }

  /** The call itself; its end is counted before its caller learns of it. */
  #counted<Result>(
    call: Promise<Result>,
    ended?: (result: Result) => void,
    failed?: () => void,
  ): Promise<Result> {
    call.then(ended, () => {
      this.#metrics.storeErrors.inc();
      failed?.();
    });
    return call;
  }

  #acquired(request: AcquireRequest, result: AcquireResult, meter: SemaphoreMeter, askedAt: number): void {
    const { semaphore, create } = request;
    meter.acquires[acquireOutcomes[result.outcome]].inc();
    if ("limit" in result && create !== undefined && create.limit !== result.limit)
      meter.limitConflicts.inc();
    if (result.outcome === "recovering" && this.#recoveries.saw(semaphore, true)) meter.recoveries.inc();
    if (result.outcome !== "granted") return;
    meter.waitSeconds.observe((performance.now() - askedAt) / 1_000);
    this.#clock.start(semaphore, result.lease, result.validUntil);
  }

  #released({ semaphore, lease, attempt }: ReleaseRequest, released: boolean, reason: ReleaseReason): void {
    const meter = this.#meters.meterOf(semaphore);
    if (released) {
      meter.releases[reason].inc();
      this.#stopClock(semaphore, lease, meter);
    } else if (attempt === undefined) {
      // With an attempt, false may also say that the lease lives on and belongs to a later one.
      this.#lost(semaphore, lease, meter);
    }
  }

  #renewed(semaphore: string, result: RenewResult, meter: SemaphoreMeter): void {
    if (result.renewed) {
      meter.renewals.renewed.inc();
      this.#clock.extend(semaphore, result.lease, result.validUntil);
    } else {
      meter.renewals[result.reason].inc();
      this.#lost(semaphore, result.lease, meter);
    }
  }

  #claimed(semaphore: string, result: RenewResult, meter: SemaphoreMeter): void {
    if (result.renewed) this.#clock.start(semaphore, result.lease, result.validUntil);
    this.#renewed(semaphore, result, meter);
  }

  /** Counts a lease once, by whichever way its loss is learned first. */
  #lost(semaphore: string, lease: string, meter: SemaphoreMeter): void {
    if (this.#stopClock(semaphore, lease, meter)) meter.lost.inc();
  }

  #stopClock(semaphore: string, lease: string, meter: SemaphoreMeter): boolean {
    const heldMs = this.#clock.stop(semaphore, lease);
    if (heldMs === undefined) return false;
    meter.leaseSeconds.observe(heldMs / 1_000);
    return true;
  }
}
