import { register } from "prom-client";
import { type Checks, requireInteger, requireOptions, requireStore } from "../arguments.js";
import { InvalidArgumentError } from "../errors.js";
import type { ReleaseRequest, Store } from "../store.js";
import { CountingStore } from "./counting-store.js";
import type { AnyRegistry } from "./registry.js";
import type { ReleaseReason } from "./semaphore-meter.js";

export interface MeteredStoreOptions {
  /** Where the metrics are registered; the default registry of prom-client when left out. */
  readonly registry?: AnyRegistry | undefined;
  /** How many semaphores have a label of their own; all others share `other`. 100 when left out. */
  readonly maxSemaphores?: number | undefined;
}

/** A Store that counts what goes through it. `close` takes its metrics out of the registry. */
export interface MeteredStore extends Store {
  /** @param reason why the lease is given back, for `sluice_releases_total`; `explicit` when left out */
  release(request: ReleaseRequest, reason?: ReleaseReason): Promise<boolean>;
}

const checks: Checks<MeteredStoreOptions> = {
  registry: requireFreeRegistry,
  maxSemaphores: (argument, value) => requireInteger(argument, value, { min: 0, max: 10_000 }),
};

/**
 * A Store around `store` that keeps the metrics of Sluice in a registry of prom-client. What the process did is counted
 * as it happens; limits, holders and waiters are read from the store at each scrape, which a store that is away delays
 * by at most 2 s.
 *
 * ```ts
 * import { Semaphore } from "@sluice/core";
 * import { memoryStore } from "@sluice/core/memory";
 * import { meteredStore } from "@sluice/core/prometheus";
 * import { register } from "prom-client";
 *
 * const store = meteredStore(memoryStore());
 * await new Semaphore(store, "openai", { limit: 10 }).use(() => callApi());
 * console.log(await register.metrics());
 * ```
 *
 * @throws InvalidArgumentError, also where the registry holds the metrics of another metered store
 */
export function meteredStore(store: Store, options: MeteredStoreOptions = {}): MeteredStore {
  requireStore(store);
  requireOptions(options, checks);
  const { registry = register, maxSemaphores = 100 } = options;
  requireFreeRegistry("registry", registry);
  return new CountingStore(store, registry, maxSemaphores);
}

function requireFreeRegistry(argument: string, value: unknown): void {
  const registry = value as Partial<AnyRegistry> | null;
  if (typeof registry?.getSingleMetric !== "function") {
    throw new InvalidArgumentError(argument, "a Registry of prom-client", value);
  }
  if (registry.getSingleMetric("sluice_acquires_total") !== undefined) {
    throw new InvalidArgumentError(argument, "free of the metrics of another metered store", value);
  }
}
