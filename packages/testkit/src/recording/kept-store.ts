import type {
  AcquireRequest,
  AcquireResult,
  Claim,
  Definition,
  Page,
  ReleaseRequest,
  Renewal,
  RenewResult,
  Store,
  StoreObserver,
} from "@sluice/core";

/** Told until when a lease is valid now, by `performance.now()`, before its holder is told. */
export type Kept = (lease: string, validUntil: number) => void;

/** A Store around a Store that tells how long leases are kept: the validity of a lease can be seen, its changes cannot. */
export class KeptStore implements Store {
  readonly #inner: Store;
  readonly #kept: Kept;

  constructor(inner: Store, kept: Kept) {
    this.#inner = inner;
    this.#kept = kept;
  }

  get maxLeaseMs(): number {
    return this.#inner.maxLeaseMs;
  }

  acquire(request: AcquireRequest, signal?: AbortSignal): Promise<AcquireResult> {
    const onRenewed = (validUntil: number) => {
      this.#kept(request.lease, validUntil);
      request.onRenewed?.(validUntil);
    };
    return this.#inner.acquire({ ...request, onRenewed }, signal);
  }

  async renew(semaphore: string, renewals: readonly Renewal[]): Promise<RenewResult[]> {
    const results = await this.#inner.renew(semaphore, renewals);
    for (const result of results) {
      if (result.renewed) this.#kept(result.lease, result.validUntil);
    }
    return results;
  }

  release(request: ReleaseRequest): Promise<boolean> {
    return this.#inner.release(request);
  }

  claim(semaphore: string, claims: readonly Claim[]): Promise<RenewResult[]> {
    return this.#inner.claim(semaphore, claims);
  }

  define(semaphore: string, definition: Definition) {
    return this.#inner.define(semaphore, definition);
  }

  resize(semaphore: string, limit: number) {
    return this.#inner.resize(semaphore, limit);
  }

  remove(semaphore: string) {
    return this.#inner.remove(semaphore);
  }

  revoke(semaphore: string, lease: string) {
    return this.#inner.revoke(semaphore, lease);
  }

  inspect(semaphore: string, page?: Page) {
    return this.#inner.inspect(semaphore, page);
  }

  list(page?: Page) {
    return this.#inner.list(page);
  }

  ping(): Promise<void> {
    return this.#inner.ping();
  }

  observe(observer: StoreObserver): () => void {
    return this.#inner.observe(observer);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}
