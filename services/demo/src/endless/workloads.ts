/** What one task asks for. */
export interface Want {
  readonly permits: number;
  readonly priority: number;
}

/** When a lane goes on with its next task: after a pause, or when the clock, which all processes share, has a round time. */
export type Rhythm = { readonly pauseMs: number } | { readonly everyMs: number };

/** One kind of work, done by every process: a semaphore, and the upstream that it stands before. */
export interface Workload {
  readonly semaphore: string;
  /** Permits of the semaphore, and calls that its upstream works on at once. */
  readonly limit: number;
  /** How long a call takes on average, in milliseconds; from half of it to half more. */
  readonly taskMs: number;
  /** Tasks of each process at a time: waiting, running, or in their pause. */
  readonly lanes: number;
  readonly rhythm: Rhythm;
  /** One is drawn for each task. A task with several permits makes as many calls at once. */
  readonly wants: readonly Want[];
  /** How long a task waits for its permits; left out, without end. */
  readonly waitMs?: number;
}

const ONE: Want = { permits: 1, priority: 0 };

/** Always more to do than permits. */
export const busy: Workload = {
  semaphore: "checkout-api",
  limit: 10,
  taskMs: 600,
  lanes: 5,
  rhythm: { pauseMs: 200 },
  wants: [ONE],
};

/** Much at once, some of which is given up, and then nothing for a while. */
const bursty: Workload = {
  semaphore: "report-export",
  limit: 4,
  taskMs: 1_000,
  lanes: 6,
  rhythm: { everyMs: 30_000 },
  wants: [ONE],
  waitMs: 5_000,
};

/** Small tasks, large ones that nobody overtakes, and urgent ones that go first. */
const mixed: Workload = {
  semaphore: "gpu-batch",
  limit: 8,
  taskMs: 800,
  lanes: 2,
  rhythm: { pauseMs: 500 },
  wants: [ONE, ONE, { permits: 2, priority: 0 }, { permits: 4, priority: 0 }, { permits: 1, priority: 10 }],
};

/** Used for a moment, a long time apart. */
const idle: Workload = {
  semaphore: "nightly-import",
  limit: 2,
  taskMs: 500,
  lanes: 1,
  rhythm: { everyMs: 60_000 },
  wants: [ONE],
};

export const workloads: readonly Workload[] = [busy, bursty, mixed, idle];
