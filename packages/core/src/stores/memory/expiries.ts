/** Something that ends at a known time, and knows its own index in the heap. */
export interface Expiring {
  expiresAt: number;
  heapIndex: number;
}

/**
 * The earliest of many expiries: a binary heap whose items carry their index, so that a released lease leaves at once
 * instead of lying there until it would have lapsed.
 */
export class Expiries<Item extends Expiring> {
  readonly #heap: Item[] = [];

  get earliest(): Item | undefined {
    return this.#heap[0];
  }

  add(item: Item): void {
    this.#put(item, this.#heap.length);
    this.#rise(item);
  }

  remove(item: Item): void {
    const last = this.#heap.pop();
    if (last === undefined || last === item) return;
    this.#put(last, item.heapIndex);
    this.#settle(last);
  }

  /** Gives the item another expiry. */
  move(item: Item, expiresAt: number): void {
    item.expiresAt = expiresAt;
    this.#settle(item);
  }

  #settle(item: Item): void {
    this.#rise(item);
    this.#sink(item);
  }

  #rise(item: Item): void {
    while (item.heapIndex > 0) {
      const parent = this.#heap[(item.heapIndex - 1) >> 1];
      if (parent === undefined || parent.expiresAt <= item.expiresAt) return;
      this.#swap(item, parent);
    }
  }

  #sink(item: Item): void {
    for (;;) {
      const child = this.#earlierChild(item.heapIndex);
      if (child === undefined || child.expiresAt >= item.expiresAt) return;
      this.#swap(item, child);
    }
  }

  #earlierChild(index: number): Item | undefined {
    const left = this.#heap[2 * index + 1];
    const right = this.#heap[2 * index + 2];
    if (left === undefined || right === undefined) return left;
    return left.expiresAt <= right.expiresAt ? left : right;
  }

  #swap(one: Item, other: Item): void {
    const index = one.heapIndex;
    this.#put(one, other.heapIndex);
    this.#put(other, index);
  }

  #put(item: Item, index: number): void {
    this.#heap[index] = item;
    item.heapIndex = index;
  }
}
