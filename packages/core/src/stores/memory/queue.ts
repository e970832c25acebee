/** What the queue must know of a waiter. */
export interface Queueable {
  readonly lease: string;
  /** Higher first. */
  readonly priority: number;
}

interface Place<Waiter> {
  readonly waiter: Waiter;
  before: Place<Waiter> | undefined;
  after: Place<Waiter> | undefined;
}

/** The waiters of one priority, first come first served. A level is never empty. */
interface Level<Waiter> {
  readonly priority: number;
  first: Place<Waiter>;
  last: Place<Waiter>;
}

/**
 * Waiters by priority and, within one priority, in the order of arrival. Adding, removing and looking up take the same
 * time however many wait; a new priority costs a search of at most as many steps as there are priorities.
 *
 * The levels are linked lists and not Maps, although a Map keeps order too: V8 leaves deleted entries in place for a
 * while, and finding the first live one passes over all of them, which makes draining a long queue quadratic.
 */
export class Queue<Waiter extends Queueable> {
  readonly #places = new Map<string, Place<Waiter>>();
  readonly #levels = new Map<number, Level<Waiter>>();
  /** The same levels, highest priority first. */
  readonly #order: Level<Waiter>[] = [];

  get size(): number {
    return this.#places.size;
  }

  get head(): Waiter | undefined {
    return this.#order[0]?.first.waiter;
  }

  get(lease: string): Waiter | undefined {
    return this.#places.get(lease)?.waiter;
  }

  /** Queues behind all of the waiter's own priority and above all of lower ones. */
  add(waiter: Waiter): void {
    const place: Place<Waiter> = { waiter, before: undefined, after: undefined };
    this.#places.set(waiter.lease, place);
    const level = this.#levels.get(waiter.priority);
    if (level === undefined) {
      this.#addLevel(waiter.priority, place);
      return;
    }
    place.before = level.last;
    level.last.after = place;
    level.last = place;
  }

  /** Takes the waiter out. False where it was not queued. */
  remove(lease: string): boolean {
    const place = this.#places.get(lease);
    if (place === undefined) return false;
    this.#places.delete(lease);
    this.#unlink(place);
    return true;
  }

  /** All waiters in the order in which they will be granted. The queue must not change meanwhile. */
  *[Symbol.iterator](): Generator<Waiter> {
    for (const level of this.#order) {
      for (let place: Place<Waiter> | undefined = level.first; place !== undefined; place = place.after) {
        yield place.waiter;
      }
    }
  }

  /** The first waiter of each priority: the one that has waited longest among its equals. */
  *heads(): Generator<Waiter> {
    for (const level of this.#order) yield level.first.waiter;
  }

  #addLevel(priority: number, place: Place<Waiter>): void {
    const level = { priority, first: place, last: place };
    const below = this.#order.findIndex((other) => other.priority < priority);
    this.#order.splice(below === -1 ? this.#order.length : below, 0, level);
    this.#levels.set(priority, level);
  }

  #unlink({ waiter, before, after }: Place<Waiter>): void {
    if (before !== undefined) before.after = after;
    if (after !== undefined) after.before = before;
    const level = this.#levels.get(waiter.priority);
    if (level === undefined) return;
    if (before === undefined && after === undefined) this.#removeLevel(level);
    else if (before === undefined && after !== undefined) level.first = after;
    else if (before !== undefined && after === undefined) level.last = before;
  }

  #removeLevel(level: Level<Waiter>): void {
    this.#levels.delete(level.priority);
    this.#order.splice(this.#order.indexOf(level), 1);
  }
}
