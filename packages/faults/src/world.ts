import type { Snapshot } from "@sluice/core";
import { redisStore } from "@sluice/core/redis";
import {
  type CutProxy,
  type FakeClock,
  type History,
  type Link,
  type NodeOptions,
  RecordedFleet,
  type RecordedWorker,
  type RedisServer,
  type RemoteHost,
  redisStoreMaker,
  type StoreMaker,
  storeMakerFrom,
  type Upstream,
  until,
} from "@sluice/testkit";
import { type Job, leaseMs, limit } from "./fault.js";
import type { SidecarProcess } from "./sidecars.js";

export const prefix = "faults";
const semaphore = "api";
const otherScripts = new URL("../children/other-scripts.mjs", import.meta.url).href;

/** What workers say that the limit is. It is not what was set: a store that forgets the one takes the other. */
const limitOfConstructors = limit + 3;

/** What is there before the workers come. */
export interface Scenery {
  readonly redis: RedisServer;
  readonly upstream: Upstream;
  readonly sidecars: readonly SidecarProcess[];
  readonly clock: FakeClock | undefined;
  readonly replica: { readonly server: RedisServer; readonly link: Link } | undefined;
  readonly front: CutProxy | undefined;
  readonly host: RemoteHost | undefined;
}

/** A fleet under load, and everything that can fail under it. */
export class World {
  readonly random: () => number;
  readonly #scenery: Scenery;
  readonly #fleet = new RecordedFleet();
  readonly #dismissed = new Set<RecordedWorker>();

  constructor(scenery: Scenery, random: () => number) {
    this.#scenery = scenery;
    this.random = random;
  }

  get workers(): readonly RecordedWorker[] {
    return this.#fleet.workers;
  }

  get redis(): RedisServer {
    return this.#scenery.redis;
  }

  get upstream(): Upstream {
    return this.#scenery.upstream;
  }

  get sidecars(): readonly SidecarProcess[] {
    return this.#scenery.sidecars;
  }

  get clock(): FakeClock {
    return present(this.#scenery.clock, "clock");
  }

  get replica(): RedisServer {
    return present(this.#scenery.replica, "replica").server;
  }

  get replicationLink(): Link {
    return present(this.#scenery.replica, "replica").link;
  }

  get front(): CutProxy {
    return present(this.#scenery.front, "front");
  }

  get host(): RemoteHost {
    return present(this.#scenery.host, "host");
  }

  /** Sets the limit, on a server that has held nothing yet. */
  async define(): Promise<void> {
    const store = redisStore(this.redis.url, { prefix, maxLeaseMs: leaseMs, assumeFresh: true });
    try {
      await store.define(semaphore, { limit, leaseMs, maxWaiters: 10_000 });
    } finally {
      await store.close();
    }
  }

  /** A worker more, which starts at once. */
  async hire(job: Job = {}): Promise<RecordedWorker> {
    const { upstream } = this.#scenery;
    const { loops = 4, workMs = [20, 120], away } = job;
    const settings = {
      semaphore,
      limit: limitOfConstructors,
      leaseMs,
      store: this.#storeOf(job),
      loops,
      workMs,
      lookEveryMs: 200,
      seed: Math.floor(this.random() * 2 ** 31),
      // Of another host the upstream would not hear that it is gone.
      upstream: away ? undefined : { host: upstream.host, port: upstream.port },
    };
    const worker = await this.#fleet.add(settings, this.#optionsOf(job));
    worker.start();
    return worker;
  }

  /** Ends a worker in good order. */
  async dismiss(worker: RecordedWorker): Promise<void> {
    this.#dismissed.add(worker);
    await worker.stop({ abort: true, timeoutMs: 20_000 });
  }

  /** Ends all who are left of the fleet in good order. */
  async dismissAll(): Promise<void> {
    const left = this.workers.filter(
      (worker) => worker.fate.killedAt === undefined && !this.#dismissed.has(worker),
    );
    await Promise.all(left.map((worker) => this.dismiss(worker)));
  }

  /** Resolves when so many acquires are queued. */
  async waiting(count: number): Promise<void> {
    await this.#looking(({ waiting }) => waiting >= count, {
      what: `${count} waiters`,
      timeoutMs: 10_000,
    });
  }

  /** Resolves when nobody holds or waits any more. */
  async left(timeoutMs: number): Promise<void> {
    await this.#looking(({ inUse, waiting }) => inUse + waiting === 0, {
      what: "every permit to come back, and every place in the queue to be empty",
      timeoutMs,
    });
  }

  history(): History {
    return this.#fleet.history();
  }

  /** Ends what is still running of the fleet. */
  async close(): Promise<void> {
    await this.#fleet[Symbol.asyncDispose]();
  }

  #storeOf({ away }: Job): StoreMaker {
    const { sidecars, front, redis } = this.#scenery;
    const sidecar = sidecars[this.workers.length % Math.max(sidecars.length, 1)];
    if (sidecar) return storeMakerFrom(import.meta.url, "@sluice/client", "sidecarStore", [sidecar.url]);
    const url = away ? `redis://${this.host.ourAddress}:${redis.port}` : (front ?? redis).url;
    return redisStoreMaker(url, { prefix, maxLeaseMs: leaseMs });
  }

  #optionsOf({ options, otherScripts: other, away }: Job): NodeOptions {
    const { execArgv = [], ...rest } = options?.(this.random) ?? {};
    return {
      ...rest,
      execArgv: [...execArgv, ...(other ? ["--import", otherScripts] : [])],
      through: away ? this.host.through : [],
    };
  }

  async #looking(
    condition: (snapshot: Snapshot) => boolean,
    options: { readonly what: string; readonly timeoutMs: number },
  ): Promise<void> {
    const { front, redis } = this.#scenery;
    const store = redisStore((front ?? redis).url, { prefix, maxLeaseMs: leaseMs });
    const look = async () => {
      const snapshot = await store.inspect(semaphore);
      return snapshot !== undefined && condition(snapshot);
    };
    try {
      await until(look, { ...options, everyMs: 20 });
    } finally {
      await store.close();
    }
  }
}

function present<Part>(part: Part | undefined, name: string): Part {
  if (part === undefined) throw new Error(`this stage has no ${name}`);
  return part;
}
