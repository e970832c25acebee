import type { FeedEvents } from "@sluice/client/shapes";
import type { Store } from "@sluice/core";
import { problemFor } from "../http/answer.js";
import type { Log } from "../log.js";
import type { Recovery } from "../operation/recovery.js";
import { changesBetween, type Statuses, statusesOf } from "./changes.js";
import { RecoveryNews } from "./recovery-news.js";
import { textOf } from "./text.js";

export interface Listener {
  send(text: string): void;
  end(): void;
}

export interface FeedOptions {
  readonly store: Pick<Store, "list">;
  readonly log: Log;
  /** What the store has told of its recovery. */
  readonly recovery?: () => Recovery | undefined;
  /** How often the store is asked while anybody listens; 1,000 when left out. */
  readonly everyMs?: number;
  /** How often quiet connections get a comment, which keeps proxies from closing them; 15,000 when left out. */
  readonly heartbeatMs?: number;
}

/** Tells any number of listeners what changes, by one look at the store a second, and none while nobody listens. */
export class Feed {
  readonly #store: Pick<Store, "list">;
  readonly #log: Log;
  readonly #recovery: () => Recovery | undefined;
  readonly #everyMs: number;
  readonly #heartbeatMs: number;
  readonly #listeners = new Set<Listener>();
  /** Those that have not been told of all semaphores yet. */
  readonly #newcomers = new Set<Listener>();
  /** As of the latest look; undefined while nobody listens, and until the store has answered. */
  #statuses: Statuses | undefined;
  /** The same as an event, once a newcomer was told: many come at once where a proxy or a sidecar has restarted. */
  #everything: string | undefined;
  #recoveries = new RecoveryNews();
  /** Why the store is away. */
  #away: string | undefined;
  #looking = false;
  #beatAt = 0;
  #endPause = () => {};

  constructor({
    store,
    log,
    recovery = () => undefined,
    everyMs = 1_000,
    heartbeatMs = 15_000,
  }: FeedOptions) {
    this.#store = store;
    this.#log = log;
    this.#recovery = recovery;
    this.#everyMs = everyMs;
    this.#heartbeatMs = heartbeatMs;
  }

  /** How many listen. */
  get size(): number {
    return this.#listeners.size;
  }

  /** Tells the listener everything, and from then on what changes. Returns the function that ends it. */
  add(listener: Listener): () => void {
    this.#listeners.add(listener);
    this.#newcomers.add(listener);
    if (this.#away !== undefined) listener.send(textOf("store", { up: false, detail: this.#away }));
    else if (this.#statuses !== undefined) this.#greet(listener, this.#statuses);
    if (!this.#looking) void this.#lookOn();
    return () => this.#remove(listener);
  }

  /** Tells every listener that the sidecar is about to end. */
  drain(): void {
    this.#broadcast(textOf("draining", {}), this.#listeners);
  }

  /** Ends every listener. */
  end(): void {
    for (const listener of this.#listeners) this.#dismiss(listener);
  }

  async #lookOn(): Promise<void> {
    this.#looking = true;
    while (this.#listeners.size > 0) {
      await this.#look();
      await this.#pause();
    }
    this.#looking = false;
    this.#learned(undefined);
    this.#recoveries = new RecoveryNews();
    this.#away = undefined;
  }

  async #look(): Promise<void> {
    try {
      this.#tellChanges(await statusesOf(this.#store));
    } catch (error) {
      this.#tellAway(problemFor(error, "looking for events", this.#log).message);
    }
    this.#beat();
  }

  #tellChanges(statuses: Statuses): void {
    if (this.#away !== undefined) this.#tell("store", { up: true });
    this.#away = undefined;
    const recovery = this.#recoveries.look(this.#recovery(), statuses);
    if (recovery !== undefined) this.#tell("recovery", recovery);
    const { changed, removed } = changesBetween(this.#statuses ?? new Map(), statuses);
    this.#learned(statuses);
    if (changed.length > 0) this.#tell("changed", { semaphores: [...changed] });
    if (removed.length > 0) this.#tell("removed", { names: [...removed] });
    for (const listener of this.#newcomers) this.#greet(listener, statuses);
  }

  #learned(statuses: Statuses | undefined): void {
    this.#statuses = statuses;
    this.#everything = undefined;
  }

  #tellAway(detail: string): void {
    if (this.#away === undefined) this.#broadcast(textOf("store", { up: false, detail }), this.#listeners);
    this.#away = detail;
  }

  #beat(): void {
    const now = performance.now();
    if (now - this.#beatAt < this.#heartbeatMs) return;
    this.#beatAt = now;
    this.#broadcast(": still here\n\n", this.#listeners);
  }

  #greet(listener: Listener, statuses: Statuses): void {
    this.#newcomers.delete(listener);
    const recovery = this.#recoveries.current;
    if (recovery !== undefined) listener.send(textOf("recovery", recovery));
    this.#everything ??= textOf("semaphores", { semaphores: [...statuses.values()] });
    listener.send(this.#everything);
  }

  /** Newcomers hear of the store's return by being told everything. */
  #tell<Name extends keyof FeedEvents>(name: Name, data: FeedEvents[Name]): void {
    const told = [...this.#listeners].filter(
      (listener) => name === "store" || !this.#newcomers.has(listener),
    );
    if (told.length > 0) this.#broadcast(textOf(name, data), told);
  }

  #broadcast(text: string, listeners: Iterable<Listener>): void {
    for (const listener of listeners) listener.send(text);
  }

  #dismiss(listener: Listener): void {
    this.#remove(listener);
    listener.end();
  }

  #remove(listener: Listener): void {
    this.#listeners.delete(listener);
    this.#newcomers.delete(listener);
    if (this.#listeners.size === 0) this.#endPause();
  }

  /** Ends early when nobody listens any more, so that no timer keeps a process alive. */
  #pause(): Promise<void> {
    if (this.#listeners.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.#everyMs);
      this.#endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
