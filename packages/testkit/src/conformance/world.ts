import { randomUUID } from "node:crypto";
import type { AcquireRequest, AcquireResult, Definition, Grant, Snapshot, Store } from "@sluice/core";
import { expect } from "vitest";
import { until } from "../until.js";

/** What a test gets: a store of its own, and short words for what one does with it. */
export interface StoreUnderTest {
  /** A client of a count that nobody has used before. */
  readonly store: Store;
  /** One more client of the same count; left out where the count belongs to one client. */
  readonly another?: () => Promise<Store>;
  /** Ends what stands behind the stores, which the suite closes by itself before. */
  readonly dispose: () => Promise<void>;
}

/** One acquire under way. */
export interface Asked {
  readonly request: AcquireRequest;
  readonly result: Promise<AcquireResult>;
  readonly abort: () => void;
}

export type Wish = Partial<AcquireRequest> & { readonly store?: Store; readonly signal?: AbortSignal };

/** Long enough that no lease lapses in a test that is not about lapsing. */
const LONG_LEASE_MS = 10_000;
const DEADLINE_MS = 15_000;

export class World {
  readonly store: Store;
  readonly semaphore = "upstream-api";
  readonly #underTest: StoreUnderTest;
  readonly #stores: Store[];

  constructor(underTest: StoreUnderTest) {
    this.#underTest = underTest;
    this.store = underTest.store;
    this.#stores = [underTest.store];
  }

  get hasClients(): boolean {
    return this.#underTest.another !== undefined;
  }

  /** A second client of the same count. */
  async another(): Promise<Store> {
    if (this.#underTest.another === undefined) throw new Error("this count belongs to one client");
    const store = await this.#underTest.another();
    this.#stores.push(store);
    return store;
  }

  async define(limit: number, rest: Partial<Definition> = {}): Promise<void> {
    await this.store.define(this.semaphore, definition(limit, rest));
  }

  /** Starts an acquire; waits without end unless the wish says otherwise. */
  ask({ store = this.store, signal, ...wish }: Wish = {}): Asked {
    const controller = new AbortController();
    const request: AcquireRequest = {
      semaphore: this.semaphore,
      lease: randomUUID(),
      attempt: randomUUID(),
      fingerprint: "",
      permits: 1,
      priority: 0,
      waitMs: Number.POSITIVE_INFINITY,
      leaseMs: undefined,
      holder: "conformance",
      create: undefined,
      ...wish,
    };
    const result = store.acquire(request, signal ?? controller.signal);
    // A test may end before it looks at every result; what it does look at still rejects there.
    result.catch(() => {});
    return { request, result, abort: () => controller.abort() };
  }

  /** Acquires what must be free. */
  async hold(wish: Wish = {}): Promise<Grant> {
    return granted(await this.ask({ waitMs: 0, ...wish }).result);
  }

  /** Asks for what cannot be granted now, and returns when the waiter is in the queue. */
  async queue(wish: Wish = {}): Promise<Asked> {
    const { waiting } = await this.look();
    const asked = this.ask(wish);
    await this.until("the acquire to be queued", async () => (await this.look()).waiting > waiting);
    return asked;
  }

  release(lease: Grant, store = this.store): Promise<boolean> {
    return store.release({ semaphore: this.semaphore, lease: lease.lease });
  }

  async look(): Promise<Snapshot> {
    const snapshot = await this.store.inspect(this.semaphore);
    if (snapshot === undefined) throw new Error("the semaphore does not exist");
    return snapshot;
  }

  /** Waits for the grants of all, and releases each as soon as it is there; in the order of `asked`. */
  serve(asked: readonly Asked[]): Promise<Grant[]> {
    return Promise.all(
      asked.map(async ({ result }) => {
        const grant = granted(await result);
        await this.release(grant);
        return grant;
      }),
    );
  }

  /** Nothing is held and nobody waits. */
  async becomesEmpty(): Promise<void> {
    await this.until("the semaphore to be empty", async () => {
      const { inUse, waiting } = await this.look();
      return inUse === 0 && waiting === 0;
    });
  }

  until(what: string, condition: () => boolean | Promise<boolean>): Promise<unknown> {
    return until(condition, { what, timeoutMs: DEADLINE_MS });
  }

  /**
   * Lets what this process has sent arrive, also where every call goes its own way. In many turns, each of which waits
   * for the store: a machine that stands still for a while makes one of them longer, and leaves the others as they are.
   */
  async arrive(): Promise<void> {
    for (let turn = 0; turn < 10; turn += 1) {
      await passMs(10);
      await this.store.ping();
    }
  }

  async end(): Promise<void> {
    await Promise.all(this.#stores.map((store) => store.close()));
    await this.#underTest.dispose();
  }
}

export function definition(limit: number, rest: Partial<Definition> = {}): Definition {
  return { limit, leaseMs: LONG_LEASE_MS, maxWaiters: 10_000, ...rest };
}

/** The grant, where the acquire was granted; fails the test otherwise. */
export function granted(result: AcquireResult): Grant {
  expect(result).toMatchObject({ outcome: "granted" });
  return result as Grant;
}

/** Nobody was overtaken: fences grow in the order of `grants`. */
export function expectInOrder(grants: readonly Grant[]): void {
  const fences = grants.map(({ fence }) => fence);
  expect(fences).toEqual([...fences].sort((one, other) => one - other));
}

/** Lets time pass: for lapses, which nothing else can bring about. */
export function passMs(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}

/** Whether the acquire is still open after everything that is under way had time to arrive. */
export async function stillWaits({ result }: Asked, durationMs = 100): Promise<boolean> {
  return Promise.race([result.then(() => false), passMs(durationMs).then(() => true)]);
}
