import { Semaphore } from "@sluice/core";
import { redisStore } from "@sluice/core/redis";
import { type NodeProcess, spawnNode, until } from "@sluice/testkit";
import type { Benchmark } from "../report.js";
import { quantile } from "../statistics.js";

const constants = { samples: 500, warmUpSamples: 50, crowd: 10_000 };

/** What a player is told to do. */
export interface Move {
  readonly move: "acquire" | "release" | "publish";
  readonly semaphore: string;
}

/** What a player says; times are of the machine's monotonic clock. */
export type Said =
  | { readonly ready: true }
  | { readonly releasedAt: number }
  | { readonly grantedAt: number };

interface Scene {
  readonly name: string;
  /** Resolves once the taker waits. */
  readonly prepare: (taker: NodeProcess) => Promise<unknown>;
  readonly move: Move;
  readonly latencies: number[];
}

const player = new URL("./player.js", import.meta.url);

export const handoff: Benchmark = {
  name: "handoff",
  what: "from a release in one process to the grant in another, against one EVALSHA that publishes one message",
  constants,
  async run({ url }) {
    const store = redisStore(url, { assumeFresh: true });
    await using one = spawnNode(player, [url, "one", "two"]);
    await using two = spawnNode(player, [url, "two", "one"]);
    try {
      for (const process of [one, two]) await process.next();
      const crowded = new Semaphore(store, "crowded", { limit: 1 });
      const scenes = [
        floor(),
        await between(one, "nobody else waits", new Semaphore(store, "alone", { limit: 1 }), 0),
        await between(one, `${constants.crowd} wait behind`, crowded, constants.crowd),
      ];
      const { overtaken } = await queueCrowd(crowded);
      await Promise.race([overtaken, play(scenes, one, two)]);
      return { headings: ["", "p50 ms", "p99 ms", "max ms", "p50 ratio", "p99 ratio"], rows: rowsOf(scenes) };
    } finally {
      await store.close();
    }
  },
};

function floor(): Scene {
  const move: Move = { move: "publish", semaphore: "" };
  return { name: "floor", prepare: () => Promise.resolve(), move, latencies: [] };
}

/** A scene on a semaphore of one permit, which `holder` holds from now on. */
async function between(
  holder: NodeProcess,
  name: string,
  semaphore: Semaphore,
  crowd: number,
): Promise<Scene> {
  await semaphore.resize(1);
  holder.send({ move: "acquire", semaphore: semaphore.name } satisfies Move);
  await holder.next();
  const prepare = (taker: NodeProcess) => {
    taker.send({ move: "acquire", semaphore: semaphore.name } satisfies Move);
    const waits = async () => (await semaphore.inspect({ pageSize: 1 })).waiting === crowd + 1;
    return until(waits, { what: `the taker to wait for "${semaphore.name}"`, everyMs: 1 });
  };
  return { name, prepare, move: { move: "release", semaphore: semaphore.name }, latencies: [] };
}

/**
 * Queues the crowd, below the players' priority. Resolves once it waits, to a promise that rejects if one of it is
 * served before a player.
 */
async function queueCrowd(semaphore: Semaphore): Promise<{ readonly overtaken: Promise<never> }> {
  const members = Array.from({ length: constants.crowd }, () =>
    semaphore.acquire().then(
      () => Promise.reject(new Error("one of lower priority was granted first")),
      // Closing the store ends the wait.
      () => new Promise<never>(() => undefined),
    ),
  );
  const waits = async () => (await semaphore.inspect({ pageSize: 1 })).waiting === constants.crowd;
  await until(waits, { what: "the crowd to wait" });
  return { overtaken: Promise.race(members) };
}

/** The scenes take turns, sample by sample, and the players change sides. */
async function play(scenes: readonly Scene[], one: NodeProcess, two: NodeProcess): Promise<void> {
  let [giver, taker] = [one, two];
  for (let sample = 0; sample < constants.warmUpSamples + constants.samples; sample++) {
    for (const scene of scenes) {
      const latency = await handOver(scene, giver, taker);
      if (sample >= constants.warmUpSamples) scene.latencies.push(latency);
    }
    [giver, taker] = [taker, giver];
  }
}

async function handOver({ prepare, move }: Scene, giver: NodeProcess, taker: NodeProcess): Promise<number> {
  await prepare(taker);
  giver.send(move);
  const [{ releasedAt }, { grantedAt }] = await Promise.all([
    giver.next<{ readonly releasedAt: number }>(),
    taker.next<{ readonly grantedAt: number }>(),
  ]);
  return grantedAt - releasedAt;
}

function rowsOf(scenes: readonly Scene[]): string[][] {
  const ofFloor = figuresOf(scenes[0]?.latencies ?? []);
  return scenes.map(({ name, latencies }) => {
    const { p50, p99, max } = figuresOf(latencies);
    return [name, ...[p50, p99, max, p50 / ofFloor.p50, p99 / ofFloor.p99].map((value) => value.toFixed(2))];
  });
}

/** The longest as well: a push that was lost shows there, as a part of the lease time. */
function figuresOf(latencies: readonly number[]): { p50: number; p99: number; max: number } {
  return { p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99), max: quantile(latencies, 1) };
}
