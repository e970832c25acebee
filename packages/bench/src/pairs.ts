import type { RedisServer } from "@sluice/testkit";
import { type Contender, limiterNames, limiters, openFloor } from "./contenders/index.js";
import { atLeast, type Benchmark } from "./report.js";
import { median } from "./statistics.js";

const constants = { rounds: 9, sliceMs: 500, warmUpMs: 1_000 };

interface Scene {
  readonly callers: number;
  readonly limit: number;
  /** The ratio to the floor that Sluice is to reach. */
  readonly target: number;
}

const scenes: readonly Scene[] = [
  { callers: 64, limit: 64, target: 1.5 },
  { callers: 64, limit: 10, target: 1.5 },
  { callers: 1, limit: 64, target: 0.7 },
];

/** One contender in one scene, and what it has done in each round. */
interface Runner {
  readonly name: string;
  readonly contender: Contender;
  readonly work: () => Promise<void>;
  readonly slices: Slice[];
}

interface Slice {
  readonly pairsPerSecond: number;
  /** Processor time of a pair, which other programs on the machine disturb less than its rate. */
  readonly clientUs: number;
  readonly serverUs: number;
}

export const pairs: Benchmark = {
  name: "pairs",
  what: "acquire and release in one process, against two trivial EVALSHA through the same client",
  constants,
  async run(redis) {
    const rows: string[][] = [];
    for (const scene of scenes) rows.push(...(await compare(redis, scene)));
    const headings = ["", "pairs/s", "ratio", "min..max", "target", "client us/pair", "server us/pair"];
    return { headings, rows };
  },
};

/** Slices take turns, so that whatever else the machine does meets all alike; ratios are taken round by round. */
async function compare(redis: RedisServer, scene: Scene): Promise<string[][]> {
  const runners = await openAll(redis.url, scene);
  try {
    for (const runner of runners) await runSlice(runner, redis, scene.callers, constants.warmUpMs);
    for (let round = 0; round < constants.rounds; round++) {
      for (const runner of runners) {
        runner.slices.push(await runSlice(runner, redis, scene.callers, constants.sliceMs));
      }
    }
  } finally {
    for (const { contender } of runners) await contender.close();
  }
  const floor = runners[0]?.slices ?? [];
  return runners.map((runner) => rowOf(runner, floor, scene));
}

async function openAll(url: string, { callers, limit }: Scene): Promise<Runner[]> {
  const floor = openFloor(url).then((contender) => runnerOf("floor", contender, Number.POSITIVE_INFINITY));
  const others = limiterNames.map(async (name) =>
    runnerOf(name, await limiters[name](url, `pairs-${callers}-${limit}`, limit), limit),
  );
  return Promise.all([floor, ...others]);
}

function runnerOf(name: string, contender: Contender, limit: number): Runner {
  let inside = 0;
  const work = async () => {
    inside += 1;
    if (inside > limit) throw new Error(`${name} let ${inside} in under a limit of ${limit}`);
    await undefined;
    inside -= 1;
  };
  return { name, contender, work, slices: [] };
}

async function runSlice(
  { contender, work }: Runner,
  redis: RedisServer,
  callers: number,
  forMs: number,
): Promise<Slice> {
  const serverBefore = await processorUs(redis);
  const clientBefore = process.cpuUsage();
  const startedAt = performance.now();
  let count = 0;
  const caller = async () => {
    while (performance.now() - startedAt < forMs) {
      await contender.hold(work);
      count += 1;
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  const lastedMs = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(clientBefore);
  return {
    pairsPerSecond: (count * 1_000) / lastedMs,
    clientUs: (user + system) / count,
    serverUs: ((await processorUs(redis)) - serverBefore) / count,
  };
}

async function processorUs(redis: RedisServer): Promise<number> {
  const info = String(await redis.command("INFO", "cpu"));
  const seconds = [...info.matchAll(/^used_cpu_(?:sys|user):([\d.]+)/gm)];
  return seconds.reduce((sum, [, value]) => sum + Number(value) * 1e6, 0);
}

function rowOf(
  { name, slices }: Runner,
  floor: readonly Slice[],
  { callers, limit, target }: Scene,
): string[] {
  const rates = slices.map(({ pairsPerSecond }) => pairsPerSecond);
  const ratios = rates.map((rate, round) => rate / (floor[round]?.pairsPerSecond ?? Number.NaN));
  const ratio = median(ratios);
  return [
    `${callers === 1 ? "1 caller" : `${callers} callers`}, limit ${limit}: ${name}`,
    median(rates).toFixed(0),
    ratio.toFixed(2),
    `${Math.min(...ratios).toFixed(2)}..${Math.max(...ratios).toFixed(2)}`,
    name === "sluice" ? atLeast(target, ratio) : "",
    median(slices.map(({ clientUs }) => clientUs)).toFixed(1),
    median(slices.map(({ serverUs }) => serverUs)).toFixed(1),
  ];
}
