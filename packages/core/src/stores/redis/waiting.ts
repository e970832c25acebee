import type { AcquireCall } from "./acquire-call.js";

/** As apply.lua computes it. */
const digestModulus = 2 ** 32;

/**
 * The acquires of one lane that are not settled, and the places that the server has given them.
 *
 * The sum of the sequence numbers of all places is the digest, which the server computes as well. Where its digest
 * differs, a push was lost, the process was silent for too long, or the server has lost its state. A place therefore
 * stays until the server has taken it away, also when its acquire was aborted before.
 */
export class WaitingCalls {
  digest = 0;
  readonly #calls = new Map<string, AcquireCall>();
  readonly #places = new Map<string, number>();
  readonly #queued = new Set<AcquireCall>();
  readonly #asked = new Set<AcquireCall>();
  #shortestLeaseMs = Number.POSITIVE_INFINITY;

  /** How many are queued, as far as this process knows, and still awaited. */
  get size(): number {
    return this.#queued.size;
  }

  /** The shortest lease that any of those asked for who have queued since the queue was last empty. */
  get shortestLeaseMs(): number {
    return this.#shortestLeaseMs;
  }

  /** Whether some were asked for again and have not been answered: until then the digests are not comparable. */
  get asking(): boolean {
    return this.#asked.size > 0;
  }

  /** Nothing is awaited, and no place is left at the server. */
  get empty(): boolean {
    return this.#calls.size === 0 && this.#places.size === 0;
  }

  /** Takes in a new attempt; returns the one at the same lease whose place it takes. */
  join(call: AcquireCall): AcquireCall | undefined {
    const earlier = this.#calls.get(call.request.lease);
    this.#calls.set(call.request.lease, call);
    if (earlier !== undefined) this.#queued.delete(earlier);
    return earlier;
  }

  /** The attempt that had taken the place of this one is refused. */
  restore(call: AcquireCall): void {
    if (call.settled) return;
    const { lease } = call.request;
    this.#calls.set(lease, call);
    if (this.#places.has(lease)) this.#queued.add(call);
  }

  /** The server has given the acquire a place in the queue. */
  queue(call: AcquireCall, sequence: number, leaseMs: number): void {
    this.#asked.delete(call);
    this.#queued.add(call);
    this.#shortestLeaseMs = Math.min(this.#shortestLeaseMs, leaseMs);
    this.place(call.request.lease, sequence);
  }

  /** The server has a place for this lease. */
  place(lease: string, sequence: number): void {
    this.vacate(lease);
    this.#places.set(lease, sequence);
    this.digest = (this.digest + sequence) % digestModulus;
  }

  /** The semaphore's own lease has changed: those who wait for one may have to come more often. */
  noteLeaseMs(leaseMs: number): void {
    if (this.#queued.size > 0) this.#shortestLeaseMs = Math.min(this.#shortestLeaseMs, leaseMs);
  }

  find(lease: string): AcquireCall | undefined {
    return this.#calls.get(lease);
  }

  /** Whether the server has answered its last ask with a place. */
  isQueued(call: AcquireCall): boolean {
    return this.#queued.has(call);
  }

  all(): AcquireCall[] {
    return [...this.#calls.values()];
  }

  /** The acquire is settled; its place is given up when the server says so. */
  forget(call: AcquireCall): void {
    this.#asked.delete(call);
    if (this.#calls.get(call.request.lease) === call) this.#calls.delete(call.request.lease);
    if (this.#queued.delete(call) && this.#queued.size === 0)
      this.#shortestLeaseMs = Number.POSITIVE_INFINITY;
  }

  /** The server no longer has a place for this lease. */
  vacate(lease: string): void {
    const sequence = this.#places.get(lease);
    if (sequence === undefined) return;
    this.#places.delete(lease);
    this.digest = (this.digest - sequence + digestModulus) % digestModulus;
  }

  /** Those that were queued; they count as queued again when the server has answered them. */
  takeAllForAsking(): AcquireCall[] {
    const calls = [...this.#queued];
    this.#queued.clear();
    for (const call of calls) {
      this.#asked.add(call);
      this.vacate(call.request.lease);
    }
    return calls;
  }
}
