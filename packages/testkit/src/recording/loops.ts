import { setMaxListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { seededRandom } from "../faults/random.js";
import { monotonicMs } from "../history/clock.js";
import type { HistoryLog } from "../history/log.js";
import type { Contender, Holding } from "./contender.js";
import type { Range, WorkerCounts, WorkerSettings } from "./settings.js";
import type { UpstreamClient } from "./upstream-client.js";

/** What the loops of a worker share. */
export interface Workplace {
  readonly settings: WorkerSettings;
  readonly contender: Contender;
  readonly log: HistoryLog;
  readonly upstream: UpstreamClient | undefined;
}

/** Loops that acquire, work and release, and log what they do before they do it. */
export class Loops {
  readonly counts: { -readonly [Name in keyof WorkerCounts]: WorkerCounts[Name] } = {
    granted: 0,
    failed: 0,
    unknown: 0,
    lost: 0,
  };
  readonly #place: Workplace;
  readonly #waiting = new Set<number>();
  readonly #abort = new AbortController();
  #calls = 0;
  #stopping = false;

  constructor(place: Workplace) {
    this.#place = place;
    // One signal ends all waits; Node takes more than ten listeners for a leak, and warns.
    setMaxListeners(0, this.#abort.signal);
  }

  /** Resolves when all loops have ended. */
  async run(): Promise<void> {
    const { loops = 4 } = this.#place.settings;
    await Promise.all(Array.from({ length: loops }, (_, number) => this.#loop(number)));
  }

  /** Begins no more rounds; with `abort` it ends waits and work, too. */
  stop(abort: boolean): void {
    this.#stopping = true;
    if (abort) this.#abort.abort();
  }

  /** Logs which calls are seen in the queue. */
  async look(): Promise<void> {
    const { contender, log, settings } = this.#place;
    const holders = new Set(await contender.waiters?.().catch(() => []));
    const at = monotonicMs();
    for (const call of this.#waiting) {
      if (holders.has(holderOf(settings, call))) log.write({ kind: "queued", at, call });
    }
  }

  async #loop(number: number): Promise<void> {
    const { seed, rounds = Number.POSITIVE_INFINITY, pauseMs = [0, 5] } = this.#place.settings;
    const choose = chooser(seed + number * 7919);
    for (let round = 0; round < rounds && !this.#stopping; round++) {
      await this.#round(choose);
      await this.#pause(choose.within(pauseMs));
    }
  }

  async #round(choose: Chooser): Promise<void> {
    const { permits = [1, 1], workMs = [5, 20], priorities = [0], waitsMs = [null] } = this.#place.settings;
    const want = {
      permits: choose.within(permits),
      priority: choose.from(priorities),
      waitMs: choose.from(waitsMs) ?? undefined,
    };
    const lastsMs = choose.within(workMs);
    const holding = await this.#acquire(want);
    if (holding === undefined) return;
    try {
      await this.#work(holding, want.permits, lastsMs);
    } finally {
      await this.#release(holding);
    }
  }

  async #acquire(want: {
    readonly permits: number;
    readonly priority: number;
    readonly waitMs: number | undefined;
  }): Promise<Holding | undefined> {
    const { contender, log, settings } = this.#place;
    this.#calls += 1;
    const call = this.#calls;
    const holder = holderOf(settings, call);
    this.#waiting.add(call);
    log.write({ kind: "invoke", at: monotonicMs(), call, ...want });
    try {
      const holding = await contender.acquire({ ...want, holder, signal: this.#abort.signal });
      const at = monotonicMs();
      const { lease, fence, until } = holding;
      log.write({ kind: "ok", at, call, lease, fence, until });
      this.counts.granted += 1;
      this.#hearLoss(holding);
      return holding;
    } catch (error) {
      const { outcome, code } = contender.outcomeOf(error);
      log.write({ kind: outcome === "failed" ? "fail" : "unknown", at: monotonicMs(), call, code });
      this.counts[outcome] += 1;
      return undefined;
    } finally {
      this.#waiting.delete(call);
    }
  }

  #hearLoss({ lease, signal }: Holding): void {
    const lost = () => {
      this.#place.log.write({ kind: "lost", at: monotonicMs(), lease });
      this.counts.lost += 1;
    };
    if (signal.aborted) lost();
    else signal.addEventListener("abort", lost, { once: true });
  }

  /** Works until the time is over, or the lease is. Ends its work at the witness before it returns. */
  async #work({ signal }: Holding, permits: number, lastsMs: number): Promise<void> {
    const { upstream, settings } = this.#place;
    const heeded = settings.heedsLoss === false ? [] : [signal];
    const end = AbortSignal.any([...heeded, this.#abort.signal]);
    if (end.aborted) return;
    const begun = upstream?.begin(permits);
    await untilAborted(begun, end);
    await sleep(lastsMs, undefined, { signal: end }).catch(() => undefined);
    const ended = upstream?.end(permits);
    await (signal.aborted ? untilAborted(ended, signal) : ended);
  }

  async #release(holding: Holding): Promise<void> {
    const { contender, log } = this.#place;
    const { lease } = holding;
    log.write({ kind: "release", at: monotonicMs(), lease });
    try {
      const held = await holding.release();
      log.write({ kind: "released", at: monotonicMs(), lease, held });
    } catch (error) {
      const { code } = contender.outcomeOf(error);
      log.write({ kind: "release unknown", at: monotonicMs(), lease, code });
    }
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#abort.signal }).catch(() => undefined);
  }
}

interface Chooser {
  within(range: Range): number;
  from<Item>(items: readonly Item[]): Item;
}

/** Chooses the same things for the same seed. */
function chooser(seed: number): Chooser {
  const random = seededRandom(seed);
  return {
    within: ([from, to]) => from + Math.floor(random() * (to - from + 1)),
    from: <Item>(items: readonly Item[]) => items[Math.floor(random() * items.length)] as Item,
  };
}

function holderOf({ process }: WorkerSettings, call: number): string {
  return `${process}#${call}`;
}

/** Resolves with `promise`, or when `signal` aborts. */
async function untilAborted(promise: Promise<void> | undefined, signal: AbortSignal): Promise<void> {
  if (promise === undefined || signal.aborted) return;
  const aborted = new Promise<void>((resolve) =>
    signal.addEventListener("abort", () => resolve(), { once: true }),
  );
  await Promise.race([promise, aborted]);
}
