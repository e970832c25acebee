import type { Page, SemaphorePage, SemaphoreStatus } from "../../store.js";
import { decodeCursor, defaultPageSize, encodeCursor } from "../paging.js";
import type { Network } from "./link.js";
import { readStatus, statusRequest } from "./snapshot.js";
import { factsKey } from "./wire.js";

/** How often a semaphore in use is entered anew, should its name have got lost. */
const enterEveryMs = 300_000;
/** The server of the names may be away while that of the semaphore is not. */
const enterAgainMs = 1_000;
/** Each entry pays for looking at so many others, so that names whose semaphores are gone do not pile up. */
const checksPerEntry = 2;
/**
 * How many semaphores are looked at with one call's bytes: Redis carries out all that has come on a connection before it
 * turns to others. A look takes it 60 µs, and 2 ms where a thousand leases are held.
 */
const looksAtOnce = 32;

/**
 * The names of the semaphores, in the order of their bytes: a sorted set beside them, because a semaphore's own keys
 * live in a slot of their own, and asking Redis for keys by a pattern walks through everything it stores.
 */
export class Names {
  readonly #connection: Network;
  readonly #prefix: string;
  readonly #key: string;
  readonly #enteredAt = new Map<string, number>();

  constructor(connection: Network, prefix: string) {
    this.#connection = connection;
    this.#prefix = prefix;
    this.#key = `${prefix}:semaphores`;
  }

  /** The semaphore exists. Costs a look at the clock, and now and then a few commands that nobody awaits. */
  enter(semaphore: string): void {
    const now = performance.now();
    const enteredAt = this.#enteredAt.get(semaphore);
    if (enteredAt !== undefined && now - enteredAt < enterEveryMs) return;
    this.#enteredAt.set(semaphore, now);
    this.#enter(semaphore).catch(() => {
      const isLatest = this.#enteredAt.get(semaphore) === now;
      if (isLatest) this.#enteredAt.set(semaphore, now - enterEveryMs + enterAgainMs);
    });
  }

  /** Enters it with the next use again. */
  forget(semaphore: string): void {
    this.#enteredAt.delete(semaphore);
  }

  /** The server may be another one, or have lost its data: enters all that are in use anew. */
  forgetAll(): void {
    this.#enteredAt.clear();
  }

  /** The semaphore was removed: drops the name, unless somebody has made it anew. */
  async check(semaphore: string): Promise<void> {
    this.forget(semaphore);
    await this.#existing([semaphore]);
  }

  /** Names that are entered but have no semaphore any more are dropped on the way. */
  async list({ pageSize = defaultPageSize, cursor }: Page = {}): Promise<SemaphorePage> {
    const [after] = cursor === undefined ? [""] : decodeCursor(cursor, [""] as const);
    const semaphores: SemaphoreStatus[] = [];
    let from = after === "" ? "-" : `(${after}`;
    for (;;) {
      const wanted = pageSize + 1 - semaphores.length;
      const names = (await this.#connection.call(
        "ZRANGEBYLEX",
        this.#key,
        from,
        "+",
        "LIMIT",
        0,
        wanted,
      )) as string[];
      semaphores.push(...(await this.#existing(names)));
      if (semaphores.length > pageSize) {
        const page = semaphores.slice(0, pageSize);
        return { semaphores: page, cursor: encodeCursor([page.at(-1)?.semaphore ?? ""]) };
      }
      if (names.length < wanted) return { semaphores };
      from = `(${names.at(-1)}`;
    }
  }

  async #existing(names: readonly string[]): Promise<SemaphoreStatus[]> {
    const found: SemaphoreStatus[] = [];
    for (let from = 0; from < names.length; from += looksAtOnce)
      found.push(...(await this.#lookAt(names.slice(from, from + looksAtOnce))));
    return found;
  }

  async #lookAt(names: readonly string[]): Promise<SemaphoreStatus[]> {
    const texts = await Promise.all(
      names.map((name) => this.#connection.inspect(factsKey(this.#prefix, name), statusRequest)),
    );
    const gone = names.filter((_, index) => texts[index] === null);
    if (gone.length > 0) await this.#connection.call("ZREM", this.#key, ...gone);
    return names.flatMap((name, index) => {
      const text = texts[index];
      return typeof text === "string" ? [readStatus(name, text)] : [];
    });
  }

  async #enter(semaphore: string): Promise<void> {
    await this.#connection.call("ZADD", this.#key, 0, semaphore);
    const others = (await this.#connection.call("ZRANDMEMBER", this.#key, checksPerEntry)) as string[];
    await this.#existing(others.filter((name) => name !== semaphore));
  }
}
