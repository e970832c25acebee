import { parseArgs } from "node:util";

/** What a run of the demo does; every number is a whole one. */
export interface Settings {
  /** Where the sidecar keeps the count; undefined: in its own memory. */
  readonly redisUrl: string | undefined;
  /** App processes. */
  readonly processes: number;
  /** Tasks of each process. */
  readonly tasks: number;
  /** How many calls the upstream works on at once; the limit of every semaphore. */
  readonly limit: number;
  /** How long the upstream takes to answer a call. */
  readonly taskMs: number;
}

/** The arguments are not what was expected; nothing was started. */
export class UsageError extends Error {}

const NUMBERS = {
  processes: { default: 4, max: 32, label: "P", says: "app processes" },
  tasks: { default: 25, max: 1_000, label: "T", says: "tasks in each process" },
  limit: { default: 10, max: 1_000, label: "N", says: "calls that the upstream works on at once" },
  "task-ms": {
    default: 1_000,
    max: 60_000,
    label: "MS",
    says: "milliseconds that the upstream takes to answer",
  },
} as const;

type NumberName = keyof typeof NUMBERS;

/** Of all processes together: each task that waits keeps a connection to the sidecar open. */
const MOST_TASKS = 8_000;

const REDIS_PROTOCOLS = ["redis:", "rediss:"];

/** The text of `--help`. */
export function usage(): string {
  const names = Object.keys(NUMBERS) as NumberName[];
  const options: [string, string][] = [
    ["--redis URL", "keep the count in this Redis, not in the sidecar's memory"],
    ...names.map((name): [string, string] => [
      `--${name} ${NUMBERS[name].label}`,
      `${NUMBERS[name].says} (${NUMBERS[name].default})`,
    ]),
    ["--endless", "load on sidecars that run; --endless --help says more"],
    ["--help", "this text"],
  ];
  return [
    "Usage: npm run demo -- [options]",
    "",
    "Does the same work twice against an upstream that answers 429 above its limit:",
    "each process with a semaphore of its own, then all of them through Sluice.",
    "",
    ...options.map(([option, says]) => `  ${option.padEnd(15)} ${says}`),
  ].join("\n");
}

/**
 * Reads the command line.
 *
 * @returns "help" where the usage was asked for
 * @throws UsageError naming the option, what was expected and what came
 */
export function parseSettings(args: readonly string[]): Settings | "help" {
  const values = parseOptions(args);
  if (values.help === true) return "help";
  const settings: Settings = {
    redisUrl: values.redis === undefined ? undefined : redisUrl(values.redis),
    processes: wholeNumber("processes", values.processes),
    tasks: wholeNumber("tasks", values.tasks),
    limit: wholeNumber("limit", values.limit),
    taskMs: wholeNumber("task-ms", values["task-ms"]),
  };
  if (taskCount(settings) <= MOST_TASKS) return settings;
  const { processes, tasks } = settings;
  throw new UsageError(
    `--processes times --tasks must be at most ${MOST_TASKS}; got ${processes} x ${tasks}`,
  );
}

/** All tasks of all processes. */
export function taskCount(settings: Settings): number {
  return settings.processes * settings.tasks;
}

/** The shortest makespan that the upstream's limit allows, in milliseconds. */
export function idealMs(settings: Settings): number {
  return Math.ceil(taskCount(settings) / settings.limit) * settings.taskMs;
}

function parseOptions(args: readonly string[]) {
  const text = { type: "string" } as const;
  const options = {
    redis: text,
    processes: text,
    tasks: text,
    limit: text,
    "task-ms": text,
    help: { type: "boolean", short: "h" },
  } as const;
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}

function wholeNumber(name: NumberName, text: string | undefined): number {
  const { default: fallback, max } = NUMBERS[name];
  if (text === undefined) return fallback;
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= 1 && value <= max) return value;
  throw new UsageError(`--${name} must be a whole number from 1 to ${max}; got ${JSON.stringify(text)}`);
}

function redisUrl(text: string): string {
  const protocol = URL.canParse(text) ? new URL(text).protocol : "";
  if (REDIS_PROTOCOLS.includes(protocol)) return text;
  throw new UsageError(`--redis must be a URL such as redis://localhost:6379; got ${JSON.stringify(text)}`);
}
