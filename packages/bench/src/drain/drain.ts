import { type NodeProcess, type RedisServer, spawnNode } from "@sluice/testkit";
import { monotonicMs } from "../clock.js";
import { type LimiterName, limiterNames } from "../contenders/index.js";
import { atMost, type Benchmark } from "../report.js";
import { median, mostAtOnce, type Span } from "../statistics.js";

const constants = { processes: 4, tasks: 250, taskMs: 5, limit: 10, rounds: 7, warmUpRounds: 1 };
const targets = { makespan: 1.4, callsPerTask: 1 };
const roundTimeoutMs = 120_000;

const allTasks = constants.processes * constants.tasks;
const idealMs = (allTasks / constants.limit) * constants.taskMs;

/** What a worker is told. */
export interface Share {
  readonly limiter: LimiterName;
  readonly url: string;
  readonly limit: number;
  /** Its own. */
  readonly tasks: number;
  readonly taskMs: number;
}

interface Round {
  readonly makespanMs: number;
  readonly callsPerTask: number;
  readonly mostAtOnce: number;
  /** How long a task really took: timers are late. */
  readonly taskMs: number;
}

const worker = new URL("./worker.js", import.meta.url);

export const drain: Benchmark = {
  name: "drain",
  what: `${allTasks} tasks in ${constants.processes} processes, against an ideal makespan of ${idealMs} ms`,
  constants,
  async run(redis) {
    const rows: string[][] = [];
    for (const limiter of limiterNames) rows.push(rowOf(limiter, await roundsOf(limiter, redis)));
    return {
      headings: [
        "contender",
        "makespan",
        "ratio",
        "min..max",
        "target",
        "calls/task",
        "target",
        "at once",
        "task ms",
      ],
      rows,
      remarks: ["calls: EVALSHA alone; redis-semaphore releases by a plain command, which is not counted."],
    };
  },
};

async function roundsOf(limiter: LimiterName, redis: RedisServer): Promise<Round[]> {
  const { tasks, taskMs, limit } = constants;
  const share: Share = { limiter, url: redis.url, limit, tasks, taskMs };
  const workers = Array.from({ length: constants.processes }, () =>
    spawnNode(worker, [JSON.stringify(share)]),
  );
  try {
    await Promise.all(workers.map((process) => process.next()));
    const rounds: Round[] = [];
    for (let round = 0; round < constants.warmUpRounds + constants.rounds; round++) {
      rounds.push(await runRound(limiter, workers, redis));
    }
    return rounds.slice(constants.warmUpRounds);
  } finally {
    await Promise.all(workers.map((process) => process.kill()));
  }
}

/** The makespan counts from the moment at which all are told to go, until the last task is done. */
async function runRound(
  limiter: LimiterName,
  workers: readonly NodeProcess[],
  redis: RedisServer,
): Promise<Round> {
  await redis.command("CONFIG", "RESETSTAT");
  const wentAt = monotonicMs();
  for (const process of workers) process.send("go");
  const shares = await Promise.all(
    workers.map((process) => process.next<Span[]>(undefined, { timeoutMs: roundTimeoutMs })),
  );
  const calls = scriptCalls(String(await redis.command("INFO", "commandstats")));
  const spans = shares.flat();
  const most = mostAtOnce(spans);
  if (spans.length !== allTasks) throw new Error(`${limiter} ran ${spans.length} of ${allTasks} tasks`);
  if (most > constants.limit)
    throw new Error(`${limiter} let ${most} in under a limit of ${constants.limit}`);
  return {
    makespanMs: Math.max(...spans.map(([, to]) => to)) - wentAt,
    callsPerTask: calls / allTasks,
    mostAtOnce: most,
    taskMs: spans.reduce((sum, [from, to]) => sum + to - from, 0) / allTasks,
  };
}

function scriptCalls(commandStats: string): number {
  return Number(/^cmdstat_evalsha:calls=(\d+)/m.exec(commandStats)?.[1] ?? 0);
}

function rowOf(limiter: LimiterName, rounds: readonly Round[]): string[] {
  const makespans = rounds.map(({ makespanMs }) => makespanMs);
  const ratio = median(makespans) / idealMs;
  const calls = median(rounds.map(({ callsPerTask }) => callsPerTask));
  const isOurs = limiter === "sluice";
  return [
    limiter,
    `${median(makespans).toFixed(0)} ms`,
    ratio.toFixed(2),
    `${(Math.min(...makespans) / idealMs).toFixed(2)}..${(Math.max(...makespans) / idealMs).toFixed(2)}`,
    isOurs ? atMost(targets.makespan, ratio) : "",
    calls.toFixed(2),
    isOurs ? atMost(targets.callsPerTask, calls) : "",
    String(Math.max(...rounds.map((round) => round.mostAtOnce))),
    median(rounds.map(({ taskMs }) => taskMs)).toFixed(2),
  ];
}
