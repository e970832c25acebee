import type { AppReport, TaskState } from "./app/report.js";
import { type Settings, taskCount } from "./settings.js";
import type { UpstreamStats } from "./upstream/server.js";

const SETTLED: readonly TaskState[] = ["done", "failed"];

/** One of the two ways in which the demo does the same work. */
export interface Part {
  readonly number: 1 | 2;
  readonly title: string;
  /** What to know while watching it. */
  readonly note: string;
}

/** Where a part stands at one moment: all that its picture is drawn from. */
export interface PartStatus {
  readonly part: Part;
  readonly settings: Settings;
  /** The states of every app's tasks, in the order of their numbers. */
  readonly apps: readonly (readonly TaskState[])[];
  readonly upstream: UpstreamStats;
  /** Since all apps got the word to go, up to the last completion; undefined before that. */
  readonly elapsedMs: number | undefined;
}

/** How a part ended. */
export interface PartResult {
  readonly makespanMs: number;
  /** Tasks that the apps say are done. */
  readonly done: number;
  readonly upstream: UpstreamStats;
  /** Why tasks failed and processes ended early, each once. */
  readonly failures: readonly string[];
}

/** Collects what the apps and the upstream report. Times are those of `performance.now()`. */
export class Progress {
  readonly #part: Part;
  readonly #settings: Settings;
  readonly #apps: TaskState[][];
  readonly #failures = new Set<string>();
  #upstream: UpstreamStats;
  #startedAt: number | undefined;
  #lastDoneAt = 0;

  constructor(part: Part, settings: Settings) {
    this.#part = part;
    this.#settings = settings;
    this.#apps = Array.from({ length: settings.processes }, () => Array(settings.tasks).fill("waiting"));
    this.#upstream = { limit: settings.limit, running: 0, highest: 0, refused: 0, completed: 0 };
  }

  begin(now: number): void {
    this.#startedAt = now;
    this.#lastDoneAt = now;
  }

  /** Takes a report of the app with this number, from 1. */
  record(app: number, report: AppReport, now: number): void {
    if (report.event !== "task") return;
    const tasks = this.#apps[app - 1];
    if (tasks === undefined) return;
    tasks[report.task - 1] = report.state;
    if (report.reason !== undefined) this.fail(report.reason);
    if (SETTLED.includes(report.state)) this.#lastDoneAt = now;
  }

  observe(upstream: UpstreamStats): void {
    this.#upstream = upstream;
  }

  fail(reason: string): void {
    this.#failures.add(reason);
  }

  status(now: number): PartStatus {
    const over = this.#count(SETTLED) === taskCount(this.#settings);
    return {
      part: this.#part,
      settings: this.#settings,
      apps: this.#apps,
      upstream: this.#upstream,
      elapsedMs:
        this.#startedAt === undefined ? undefined : (over ? this.#lastDoneAt : now) - this.#startedAt,
    };
  }

  result(): PartResult {
    return {
      makespanMs: this.#lastDoneAt - (this.#startedAt ?? this.#lastDoneAt),
      done: this.#count(["done"]),
      upstream: this.#upstream,
      failures: [...this.#failures],
    };
  }

  #count(states: readonly TaskState[]): number {
    return this.#apps.flat().filter((state) => states.includes(state)).length;
  }
}
