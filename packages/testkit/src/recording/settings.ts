import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

/** From (inclusive) and to (inclusive): what is chosen at random lies between. */
export type Range = readonly [from: number, to: number];

/** How a Store is made in a worker: `create` of `module` is called with `args`, which are JSON, and returns a Store. */
export interface StoreMaker {
  /** A `file:` URL, or a name that the testkit can import (`@sluice/core/redis`). */
  readonly module: string;
  readonly create: string;
  readonly args: readonly unknown[];
}

/** What a worker does. It is passed as JSON. */
export interface WorkerSettings {
  /** The name of the process in the history. */
  readonly process: string;
  /** The file of its log, which must not exist. */
  readonly log: string;
  readonly semaphore: string;
  readonly limit?: number | undefined;
  readonly leaseMs?: number | undefined;
  /** Sluice over this store. */
  readonly store?: StoreMaker | undefined;
  /** Instead of `store`: the `file:` URL of a module that exports `open`, and what it is told. */
  readonly contender?: { readonly module: string; readonly settings?: unknown } | undefined;
  /** How many acquires are under way, or held, at once; 4 when left out. */
  readonly loops?: number | undefined;
  /** How many leases each loop takes before it ends; without end when left out. */
  readonly rounds?: number | undefined;
  /** How long a lease is worked with; [5, 20] when left out. */
  readonly workMs?: Range | undefined;
  /** The pause after a release, and after a failure; [0, 5] when left out. */
  readonly pauseMs?: Range | undefined;
  /** [1, 1] when left out. */
  readonly permits?: Range | undefined;
  /** One of them is chosen for each acquire; [0] when left out. */
  readonly priorities?: readonly number[] | undefined;
  /** One of them is chosen for each acquire, null waits without end; [null] when left out. */
  readonly waitsMs?: readonly (number | null)[] | undefined;
  /** Whether work stops when the lease is lost; true when left out. */
  readonly heedsLoss?: boolean | undefined;
  /** How often it looks which of its calls are in the queue, so that order can be judged; never when left out. */
  readonly lookEveryMs?: number | undefined;
  /** What is chosen at random is the same for the same seed. */
  readonly seed: number;
  /** The witness that every piece of work is done at. */
  readonly upstream?: { readonly host: string; readonly port: number } | undefined;
}

/** What a worker is told on its input. */
export type WorkerOrder =
  | { readonly op: "start" }
  | { readonly op: "stop"; readonly abort: boolean }
  | { readonly op: "block"; readonly ms: number };

/** What a worker has done: printed once it has stopped. */
export interface WorkerCounts {
  readonly granted: number;
  readonly failed: number;
  readonly unknown: number;
  readonly lost: number;
}

/** The store on the Redis at `url`, in a worker. */
export function redisStoreMaker(url: string, options: Readonly<Record<string, unknown>>): StoreMaker {
  return { module: "@sluice/core/redis", create: "redisStore", args: [url, options] };
}

/**
 * A store of a package that the testkit does not know, in a worker.
 *
 * @param from the `import.meta.url` of a file that can import `specifier`
 */
export function storeMakerFrom(
  from: string,
  specifier: string,
  create: string,
  args: readonly unknown[],
): StoreMaker {
  const file = createRequire(from).resolve(specifier);
  return { module: pathToFileURL(file).href, create, args };
}
