import type { AcquireRequest, AcquireResult } from "@sluice/core";
import { Acquire } from "./acquire.js";
import { within } from "./retry.js";
import type { Sidecar } from "./sidecar.js";
import type { UnderWay } from "./under-way.js";

/** How long an abort is held up by the undoing of its acquire, which goes on by itself after that. */
const UNDO_PATIENCE_MS = 500;

/** The acquires of a store that are under way, each of which ends when its caller's signal aborts or the store closes. */
export class Acquires {
  readonly #sidecar: Sidecar;
  readonly #answerMs: number;
  readonly #underWay: UnderWay;
  readonly #waits = new Set<AbortController>();
  /** By lease, the latest acquire of it: the one that may undo it. */
  readonly #latest = new Map<string, Acquire>();

  constructor(sidecar: Sidecar, answerMs: number, underWay: UnderWay) {
    this.#sidecar = sidecar;
    this.#answerMs = answerMs;
    this.#underWay = underWay;
  }

  /** @throws Refused, Unreachable; also when all were stopped */
  async run(request: AcquireRequest, signal: AbortSignal | undefined): Promise<AcquireResult> {
    const acquire = new Acquire(this.#sidecar, request, this.#answerMs);
    const wait = new AbortController();
    const stop = () => wait.abort();
    signal?.addEventListener("abort", stop, { once: true });
    this.#waits.add(wait);
    this.#latest.set(request.lease, acquire);
    try {
      return await acquire.run(wait.signal);
    } catch (error) {
      const undone = this.#undo(request.lease, acquire);
      if (!signal?.aborted) throw error;
      // So that whoever hears of the abort finds the queue without it, where the sidecar answers.
      await within(UNDO_PATIENCE_MS, undone).catch(() => {});
      return { outcome: "aborted" };
    } finally {
      signal?.removeEventListener("abort", stop);
      this.#waits.delete(wait);
      if (this.#latest.get(request.lease) === acquire) this.#latest.delete(request.lease);
    }
  }

  /** Takes an acquire that was asked for by another way out of the queue, and gives back what it was granted. */
  async undo(request: AcquireRequest): Promise<void> {
    const acquire = new Acquire(this.#sidecar, request, this.#answerMs);
    await this.#underWay.add(acquire.undo(this.#underWay.closing)).catch(() => {});
  }

  stopAll(): void {
    for (const wait of this.#waits) wait.abort();
  }

  async #undo(lease: string, acquire: Acquire): Promise<void> {
    if (!acquire.undecided || this.#latest.get(lease) !== acquire) return;
    await this.#underWay.add(acquire.undo(this.#underWay.closing)).catch(() => {});
  }
}
