import { monotonicMs } from "../history/clock.js";
import type { Span } from "../history/findings.js";
import type { Fate } from "../history/history.js";
import { type NodeOptions, type NodeProcess, spawnNode } from "../processes/node.js";
import type { WorkerCounts, WorkerOrder, WorkerSettings } from "./settings.js";

const program = new URL("./worker.js", import.meta.url);

/** Starts a worker; resolves when it is connected to its witness and can be told to start. */
export async function startRecordedWorker(
  settings: WorkerSettings,
  options?: NodeOptions,
): Promise<RecordedWorker> {
  const process = spawnNode(program, [JSON.stringify(settings)], options);
  await process.next(({ ready }: { readonly ready?: true }) => ready === true, { timeoutMs: 30_000 });
  return new RecordedWorker(process, settings);
}

/** A worker that runs, and what was done to it. */
export class RecordedWorker {
  readonly process: NodeProcess;
  readonly settings: WorkerSettings;
  #killedAt: number | undefined;
  readonly #pauses: { readonly from: number; to: number }[] = [];

  /** Use `startRecordedWorker`. */
  constructor(process: NodeProcess, settings: WorkerSettings) {
    this.process = process;
    this.settings = settings;
  }

  /** What the history must know of it, see `readHistory`. */
  get fate(): Fate {
    const pauses: readonly Span[] = this.#pauses;
    return { process: this.settings.process, killedAt: this.#killedAt, pauses };
  }

  /** Lets its loops begin. */
  start(): void {
    this.#order({ op: "start" });
  }

  /**
   * Ends its loops, and resolves when all that is under way was answered and released, and the process has ended.
   *
   * @param abort ends waits and work, too
   * @throws Error with its stderr when it does not end in `timeoutMs` (30,000): a waiter may never have been served
   */
  async stop({ abort = false, timeoutMs = 30_000 } = {}): Promise<WorkerCounts> {
    this.#order({ op: "stop", abort });
    return this.stopped({ timeoutMs });
  }

  /** Resolves when its loops have come to their end: all `rounds`, or the end by `stop`. @throws Error as `stop` does */
  async stopped({ timeoutMs = 30_000 } = {}): Promise<WorkerCounts> {
    const isLast = (message: { readonly stopped?: WorkerCounts }) => message.stopped !== undefined;
    const { stopped } = await this.process.next<{ readonly stopped: WorkerCounts }>(isLast, { timeoutMs });
    await this.process.finished({ timeoutMs });
    return stopped;
  }

  /** `kill -9`. */
  async kill(): Promise<void> {
    this.#killedAt ??= monotonicMs();
    await this.process.kill();
  }

  /** Stops the process (SIGSTOP), until `resume`. */
  pause(): void {
    this.#pauses.push({ from: monotonicMs(), to: Number.POSITIVE_INFINITY });
    this.process.pause();
  }

  resume(): void {
    this.process.resume();
    const last = this.#pauses.at(-1);
    if (last !== undefined) last.to = monotonicMs();
  }

  /** Blocks its event loop for so long. */
  block(ms: number): void {
    this.#order({ op: "block", ms });
  }

  #order(order: WorkerOrder): void {
    this.process.send(order);
  }
}
