/** Where the page keeps what outlives a reload. */
export type Place = Pick<Storage, "getItem" | "setItem" | "removeItem">;

/** A storage of the browser; where people let it store nothing, the page remembers until it is closed or loaded again. */
export function placeOf(storage: "sessionStorage" | "localStorage"): Place {
  try {
    return globalThis[storage];
  } catch {
    return new Memory();
  }
}

class Memory implements Place {
  readonly #kept = new Map<string, string>();

  getItem(key: string): string | null {
    return this.#kept.get(key) ?? null;
  }

  setItem(key: string, value: string): void {
    this.#kept.set(key, value);
  }

  removeItem(key: string): void {
    this.#kept.delete(key);
  }
}
