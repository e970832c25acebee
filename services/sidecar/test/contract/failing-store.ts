import type { AcquireResult, Store } from "@sluice/core";
import { memoryStore } from "@sluice/core/memory";

/** A store in memory that can be told to fail, or what to answer acquires with. */
export class FailingStore {
  failure: Error | undefined;
  result: AcquireResult | undefined;
  readonly store: Store;

  constructor() {
    this.store = new Proxy(memoryStore(), { get: (store, name) => this.#member(store, name as keyof Store) });
  }

  #member(store: Store, name: keyof Store): unknown {
    const member = store[name];
    if (typeof member !== "function") return member;
    if (name === "close" || name === "observe") return member.bind(store);
    return (...args: never[]) => {
      if (this.failure !== undefined) return Promise.reject(this.failure);
      if (name === "acquire" && this.result !== undefined) return Promise.resolve(this.result);
      return (member as (...args: never[]) => unknown).apply(store, args);
    };
  }
}
