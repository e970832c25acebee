import type {
  AcquireRequest,
  AcquireResult,
  Claim,
  DefineResult,
  Definition,
  Grant,
  ReleaseRequest,
  Renewal,
  RenewResult,
  ResizeResult,
  SemaphorePage,
  Snapshot,
  Store,
  StoreObserver,
} from "../../src/store.js";

/** A store that says yes to everything and notes what it was asked. Every answer can be replaced. */
export class StubStore implements Store {
  maxLeaseMs = 15_000;
  readonly acquires: AcquireRequest[] = [];
  readonly signals: (AbortSignal | undefined)[] = [];
  readonly releases: ReleaseRequest[] = [];
  /** The lease ids of each call to renew. */
  readonly renewals: string[][] = [];
  readonly defines: Definition[] = [];
  readonly observers = new Set<StoreObserver>();
  readonly #leaseMs = new Map<string, number>();

  onAcquire: (request: AcquireRequest, signal?: AbortSignal) => Promise<AcquireResult> = async (request) =>
    grantOf(request);
  onRelease: (request: ReleaseRequest) => Promise<boolean> = async () => true;
  onRenew: (renewals: readonly Renewal[]) => Promise<RenewResult[]> = async (renewals) =>
    renewals.map(({ lease }) => renewed(lease, this.#leaseMs.get(lease) ?? 0));
  onDefine: (definition: Definition) => Promise<DefineResult> = async (definition) => ({
    created: true,
    definition,
    version: 1,
  });
  onResize: (limit: number) => Promise<ResizeResult> = async (limit) => ({
    outcome: "resized",
    definition: { limit, leaseMs: 10_000, maxWaiters: 100 },
    version: 1,
  });
  onInspect: () => Promise<Snapshot | undefined> = async () => undefined;
  onList: (cursor: string | undefined) => Promise<SemaphorePage> = async () => ({ semaphores: [] });

  acquire(request: AcquireRequest, signal?: AbortSignal): Promise<AcquireResult> {
    this.acquires.push(request);
    this.#leaseMs.set(request.lease, request.leaseMs ?? 10_000);
    this.signals.push(signal);
    return this.onAcquire(request, signal);
  }

  release(request: ReleaseRequest): Promise<boolean> {
    this.releases.push(request);
    return this.onRelease(request);
  }

  renew(_semaphore: string, renewals: readonly Renewal[]): Promise<RenewResult[]> {
    this.renewals.push(renewals.map(({ lease }) => lease));
    return this.onRenew(renewals);
  }

  claim(_semaphore: string, claims: readonly Claim[]): Promise<RenewResult[]> {
    return this.onRenew(claims);
  }

  define(_semaphore: string, definition: Definition): Promise<DefineResult> {
    this.defines.push(definition);
    return this.onDefine(definition);
  }

  resize(_semaphore: string, limit: number): Promise<ResizeResult> {
    return this.onResize(limit);
  }

  inspect(): Promise<Snapshot | undefined> {
    return this.onInspect();
  }

  list(page?: { readonly cursor?: string | undefined }): Promise<SemaphorePage> {
    return this.onList(page?.cursor);
  }

  observe(observer: StoreObserver): () => void {
    this.observers.add(observer);
    return () => this.observers.delete(observer);
  }

  async remove(): Promise<"removed"> {
    return "removed";
  }

  async revoke(): Promise<boolean> {
    return true;
  }

  async ping(): Promise<void> {}

  async close(): Promise<void> {}
}

export function grantOf(request: AcquireRequest, limit = request.create?.limit ?? 10): Grant {
  const { lease, permits, leaseMs = 10_000 } = request;
  return {
    outcome: "granted",
    lease,
    permits,
    fence: 1,
    leaseMs,
    validUntil: performance.now() + leaseMs,
    limit,
  };
}

export function renewed(lease: string, leaseMs: number): RenewResult {
  return { lease, renewed: true, validUntil: performance.now() + leaseMs };
}

/** A promise that the test settles. */
export function deferred<T>() {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}
