import { Counter, Histogram } from "prom-client";
import type { AnyRegistry } from "./registry.js";
import type { Count, Distribution } from "./semaphore-meter.js";

/** From 100 µs, a round trip on loopback, to 10 s. */
const roundtripBuckets = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];
const operationBuckets = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024];

/** What this process does with its store as a whole, by its own account. */
export class ProcessMetrics {
  readonly storeErrors: Count;
  readonly roundtripSeconds: Distribution;
  readonly batchOperations: Distribution;

  constructor(registers: AnyRegistry[]) {
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
}
