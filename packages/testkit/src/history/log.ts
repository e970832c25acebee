import { closeSync, openSync, writeSync } from "node:fs";
import { monotonicMs } from "./clock.js";
import type { HistoryEvent } from "./events.js";

/**
 * The log of one process. A line is with the kernel when `write` returns, so that a killed process loses none; what
 * is about to be done is written before it is done.
 */
export class HistoryLog {
  readonly #file: number;

  /** @throws Error where the file exists: a log belongs to one life of one process */
  constructor(path: string, process: string, semaphore: string) {
    this.#file = openSync(path, "wx");
    this.write({ kind: "began", at: monotonicMs(), process, semaphore });
  }

  write(event: HistoryEvent): void {
    writeSync(this.#file, `${JSON.stringify(event)}\n`);
  }

  /** The validity of a lease ends at another moment now. */
  keep(lease: string, until: number): void {
    this.write({ kind: "keep", at: monotonicMs(), lease, until });
  }

  /** The process has nothing under way, and holds nothing. */
  end(): void {
    this.write({ kind: "ended", at: monotonicMs() });
    closeSync(this.#file);
  }
}
