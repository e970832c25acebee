import { sidecarStore } from "@sluice/client";
import { type AcquireOptions, type Definition, type Lease, Semaphore, type Store } from "@sluice/core";
import { type RedisServer, startRedis, until } from "@sluice/testkit";
import { type Environment, Sidecar } from "./sidecar.js";

const usual: Definition = { limit: 10, leaseMs: 10_000, maxWaiters: 100_000 };

/** Somebody who waits for permits. */
export interface Waiter {
  leave(): Promise<void>;
}

/** A sidecar, and a program that works through it: what there is for a console to show. */
export class Scene {
  readonly sidecar: Sidecar;
  /** The sidecar as the program knows it. */
  readonly store: Store;
  /** Where the count lives, if not in the sidecar. */
  readonly redis: RedisServer | undefined;
  readonly #leaving = new AbortController();

  /** Use `startScene`. */
  constructor(sidecar: Sidecar, redis: RedisServer | undefined, token: string | undefined) {
    this.sidecar = sidecar;
    this.redis = redis;
    this.store = sidecarStore(sidecar.url, { token });
  }

  async define(semaphore: string, definition: Partial<Definition> = {}): Promise<void> {
    await this.store.define(semaphore, { ...usual, ...definition });
  }

  /** Takes a lease, and keeps it. */
  hold(semaphore: string, options: AcquireOptions = {}): Promise<Lease> {
    return new Semaphore(this.store, semaphore).acquire({ waitMs: 30_000, ...options });
  }

  /** Resolves once it is queued. */
  async queue(semaphore: string, options: AcquireOptions = {}): Promise<Waiter> {
    const leaving = new AbortController();
    const signal = AbortSignal.any([leaving.signal, this.#leaving.signal]);
    const before = await this.#waiting(semaphore);
    const waiting = new Semaphore(this.store, semaphore).acquire({ ...options, signal });
    const left = waiting.then(
      (lease) => lease.release(),
      () => undefined,
    );
    await until(async () => (await this.#waiting(semaphore)) > before, {
      what: "the waiter to be queued",
      timeoutMs: 30_000,
    });
    return {
      leave: async () => {
        leaving.abort();
        await left;
      },
    };
  }

  async limitOf(semaphore: string): Promise<number | undefined> {
    return (await this.store.inspect(semaphore))?.limit;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#leaving.abort();
    await this.sidecar.kill();
    await this.store.close();
    await this.redis?.stop();
  }

  async #waiting(semaphore: string): Promise<number> {
    return (await this.store.inspect(semaphore))?.waiting ?? 0;
  }
}

export interface SceneOptions {
  readonly environment?: Environment;
  /** The count lives in a Redis of its own, which has started lately. */
  readonly redis?: boolean;
  /** What the program itself calls with. */
  readonly token?: string;
}

export async function startScene({ environment = {}, redis, token }: SceneOptions = {}): Promise<Scene> {
  if (!redis) return new Scene(await Sidecar.start(environment), undefined, token);
  const server = await startRedis();
  const place = { REDIS_URL: server.url, SLUICE_ASSUME_FRESH: "1" };
  return new Scene(await Sidecar.start({ ...place, ...environment }), server, token);
}
