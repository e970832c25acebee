import { setTimeout as sleep } from "node:timers/promises";
import { sidecarStore } from "@sluice/client";
import { Semaphore, type Store } from "@sluice/core";
import { type Fleet, maxLeaseMs } from "./fleet.js";

interface Answer {
  readonly status: number;
  readonly body: { readonly lease?: string };
}

/** Pauses of its loops: a load that leaves the processors to those who measure. */
const pauseMs = 20;

/**
 * Clients that do everything of which there is a metric, again and again: through `@sluice/client`, which holds sessions,
 * and by plain HTTP. What the store refuses while it is away is passed over.
 */
export class Load {
  readonly #fleet: Fleet;
  readonly #stores: readonly Store[];
  readonly #stopped = new AbortController();
  #loops: Promise<void>[] = [];

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
    const { token } = fleet;
    this.#stores = fleet.urls.map((url) => sidecarStore(url, { token, maxLeaseMs }));
  }

  /** Resolves once every semaphore is defined and everybody is at work. */
  async start(): Promise<void> {
    await this.#define("calls", { limit: 2 });
    // A first grant: from here on no recovery keeps a semaphore free that is asked for.
    await this.#useCalls(0);
    await this.#holdStuck();
    // One that stays is sure of its label.
    await this.#define("stuck", { limit: 1 });
    await this.#define("queue", { limit: 1, maxWaiters: 1 });
    await this.#define("short", { limit: 3 });
    await this.#define("resized", { limit: 4 });
    // The last by their names, and more than there are labels left: two share the label `other`.
    for (const name of ["zone-a", "zone-b", "zone-c", "zone-d"]) await this.#define(name, { limit: 1 });
    const each = [0, 1, 2, 3].map((worker) => this.#repeat(() => this.#useCalls(worker)));
    this.#loops = [
      ...each,
      this.#repeat(() => this.#loseLeases()),
      this.#repeat(() => this.#fillQueue()),
      this.#repeat(() => this.#hold()),
      this.#repeat(() => this.#askForWhatThereIsNot()),
      this.#repeat(() => this.#resize()),
    ];
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await Promise.all(this.#loops);
    await Promise.all(this.#stores.map((store) => store.close().catch(() => undefined)));
  }

  /** One lease for good, from the semaphore's first moment on, so that no scrape sees it free; and one waiter behind it. */
  async #holdStuck(): Promise<void> {
    const [a, b] = this.#stores.map((store) => new Semaphore(store, "stuck", { limit: 1 }));
    await a?.acquire();
    void this.#keepWaiting(b);
  }

  /** A store that is away ends a wait: it is taken up again. */
  async #keepWaiting(semaphore: Semaphore | undefined): Promise<void> {
    const { signal } = this.#stopped;
    await this.#repeat(() => semaphore?.acquire({ signal }));
  }

  async #useCalls(worker: number): Promise<void> {
    const store = this.#stores[worker % 2];
    if (store !== undefined) await new Semaphore(store, "calls", { limit: 2 }).use(() => sleep(pauseMs));
  }

  /** A lease that lapses, one that is revoked, one that is renewed; their holders learn of it. */
  async #loseLeases(): Promise<void> {
    const [lapsing, revoked, kept] = await Promise.all([0, 1, 2].map(() => this.#acquired("short", 1_000)));
    await this.#call("DELETE", `/short/leases/${revoked}`);
    await this.#call("POST", "/short/renew", { leases: [revoked, kept] });
    await sleep(1_100);
    await this.#call("POST", "/short/renew", { leases: [lapsing] });
    await this.#call("POST", "/short/release", { lease: kept });
  }

  /** One holds, one waits and gives up, one finds the queue full, and one hangs up. */
  async #fillQueue(): Promise<void> {
    const lease = await this.#acquired("queue", 2_000);
    const waiting = this.#call("POST", "/queue/acquire", { waitMs: 200 });
    await sleep(pauseMs);
    await this.#call("POST", "/queue/acquire", { waitMs: 100 });
    await waiting;
    const hangUp = AbortSignal.timeout(100);
    await this.#call("POST", "/queue/acquire", { waitMs: 1_000 }, hangUp).catch(() => undefined);
    await this.#call("POST", "/queue/release", { lease });
  }

  /** A streaming request whose connection ends. */
  async #hold(): Promise<void> {
    const hangUp = AbortSignal.timeout(200);
    await this.#call("POST", "/calls/hold", { waitMs: 2_000 }, hangUp).catch(() => undefined);
  }

  async #askForWhatThereIsNot(): Promise<void> {
    await this.#call("POST", "/unknown/acquire", {});
    const conflict = await this.#call("POST", "/zone-a/acquire", { limit: 7 });
    if (conflict.body.lease !== undefined) await this.#call("POST", "/zone-a/release", conflict.body);
    await sleep(10 * pauseMs);
  }

  async #resize(): Promise<void> {
    for (const limit of [5, 4]) {
      await this.#define("resized", { limit });
      await sleep(1_500);
    }
  }

  #define(name: string, definition: object): Promise<Answer> {
    return this.#call("PUT", `/${name}`, definition);
  }

  async #acquired(name: string, leaseMs: number): Promise<string> {
    const { body } = await this.#call("POST", `/${name}/acquire`, { leaseMs, waitMs: 3_000 });
    if (body.lease === undefined) throw new Error(`no lease of ${name}`);
    return body.lease;
  }

  async #call(
    method: string,
    path: string,
    body?: object,
    signal: AbortSignal = AbortSignal.timeout(10_000),
  ): Promise<Answer> {
    const [url] = this.#fleet.urls;
    const response = await fetch(`${url}/v1/semaphores${path}`, {
      method,
      headers: { authorization: `Bearer ${this.#fleet.token}`, "content-type": "application/json" },
      signal,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === "" ? {} : JSON.parse(text) };
  }

  async #repeat(work: () => Promise<unknown> | undefined): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      await Promise.resolve(work()).catch(() => undefined);
      await sleep(pauseMs);
    }
  }
}
