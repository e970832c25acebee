import type { Fleet, Told } from "../fleet/fleet.js";
import { Cell } from "../live/cell.js";
import { now } from "../live/clock.js";
import { semaphoreName } from "../shell/route.js";
import { Refusal } from "../sidecar/refusal.js";
import type { Sidecar } from "../sidecar/sidecar.js";
import { type Inspection, inspect, restMs } from "./inspection.js";

/** How often it is asked whether it is time for another look, in milliseconds. */
const TICK_MS = 250;
/** How long to rest after a look that failed, in milliseconds. */
const AFTER_FAILURE_MS = 3_000;

export interface WatchView {
  /** The latest one that came through. */
  readonly inspection: Inspection | undefined;
  readonly isUnknown: boolean;
  /** Why the latest look failed. */
  readonly problem: unknown;
}

/** Looks at one semaphore again and again: soon after news of it, and from time to time; not while the tab is hidden. */
export class Watch {
  readonly view = new Cell<WatchView>({ inspection: undefined, isUnknown: false, problem: undefined });
  readonly #sidecar: Sidecar;
  readonly #fleet: Cell<Fleet>;
  readonly #name: string;
  #told: Told | undefined;
  #isUnderWay = false;
  #nextAt = Number.NEGATIVE_INFINITY;

  constructor(sidecar: Sidecar, fleet: Cell<Fleet>, name: string) {
    this.#sidecar = sidecar;
    this.#fleet = fleet;
    this.#name = name;
  }

  /** Returns the function that ends it. What no semaphore can be called is not asked for. */
  start(): () => void {
    if (!semaphoreName.test(this.#name)) {
      this.view.set({ inspection: undefined, isUnknown: true, problem: undefined });
      return () => {};
    }
    const ended = new AbortController();
    const tick = () => this.#tick(ended.signal);
    const timer = setInterval(tick, TICK_MS);
    tick();
    return () => {
      clearInterval(timer);
      ended.abort();
    };
  }

  /** Something has been done to it: looks as soon as can be. */
  hurry(): void {
    this.#nextAt = Number.NEGATIVE_INFINITY;
  }

  #tick(signal: AbortSignal): void {
    if (document.hidden || this.#isUnderWay) return;
    const told = this.#fleet.value.semaphores?.get(this.#name);
    const { inspection } = this.view.value;
    if (told !== this.#told && inspection !== undefined) {
      this.#nextAt = Math.min(this.#nextAt, inspection.at + restMs(inspection, true));
    }
    this.#told = told;
    if (now() >= this.#nextAt) void this.#look(signal);
  }

  async #look(signal: AbortSignal): Promise<void> {
    this.#isUnderWay = true;
    this.#nextAt = Number.POSITIVE_INFINITY;
    try {
      const ask = (cursor: string | undefined) => this.#sidecar.inspect(this.#name, cursor, signal);
      const inspection = await inspect({ ask, now });
      if (signal.aborted) return;
      this.view.set({ inspection, isUnknown: false, problem: undefined });
      this.#restUntil(inspection.at + restMs(inspection, false));
    } catch (problem) {
      if (signal.aborted) return;
      const isUnknown = problem instanceof Refusal && problem.status === 404;
      this.view.set({ inspection: isUnknown ? undefined : this.view.value.inspection, isUnknown, problem });
      this.#restUntil(now() + AFTER_FAILURE_MS);
    } finally {
      this.#isUnderWay = false;
    }
  }

  /** Unless somebody was in a hurry meanwhile. */
  #restUntil(at: number): void {
    if (this.#nextAt === Number.POSITIVE_INFINITY) this.#nextAt = at;
  }
}
