import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { History } from "../history/history.js";
import { readHistory } from "../history/read.js";
import type { NodeOptions } from "../processes/node.js";
import type { WorkerSettings } from "./settings.js";
import { type RecordedWorker, startRecordedWorker } from "./worker-process.js";

/** What the workers of a fleet have in common; their names and logs, and seeds of their own, come from the fleet. */
export type FleetSettings = Omit<WorkerSettings, "process" | "log">;

/** Workers that use one semaphore, and their history. */
export class RecordedFleet {
  readonly workers: RecordedWorker[] = [];
  readonly #folder = mkdtempSync(join(tmpdir(), "sluice-history-"));

  /** Starts one more worker, `worker-1` and so on. Its loops begin when it is told to `start`. */
  async add(settings: FleetSettings, options?: NodeOptions): Promise<RecordedWorker> {
    const [worker] = await this.addAll([settings], options);
    return worker as RecordedWorker;
  }

  async addAll(all: readonly FleetSettings[], options?: NodeOptions): Promise<RecordedWorker[]> {
    const first = this.workers.length + 1;
    const starting = all.map((settings, index) => {
      const process = `worker-${first + index}`;
      const log = join(this.#folder, `${process}.log`);
      const seed = settings.seed + (first + index) * 104_729;
      return startRecordedWorker({ ...settings, process, log, seed }, options);
    });
    const workers = await Promise.all(starting);
    this.workers.push(...workers);
    return workers;
  }

  /** What all of them have done so far. */
  history(): History {
    return readHistory(
      this.workers.map(({ settings }) => settings.log),
      this.workers.map(({ fate }) => fate),
    );
  }

  /** Kills what runs, and deletes the logs. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.kill()));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
