import {
  FakeClock,
  type RedisServer,
  startCutProxy,
  startLink,
  startRedis,
  startRemoteHost,
  startUpstream,
} from "@sluice/testkit";
import { leaseMs, type Stage } from "./fault.js";
import { SidecarProcess } from "./sidecars.js";
import { prefix, type Scenery, World } from "./world.js";

type Close = () => void | Promise<void>;

/** Takes down what was set up, the last first; what cannot be closed keeps nothing else open. */
class Closing {
  readonly #closes: Close[] = [];

  with<Part>(part: Part, close: (part: Part) => void | Promise<void>): Part {
    this.#closes.push(() => close(part));
    return part;
  }

  async all(): Promise<void> {
    const failures: unknown[] = [];
    for (const close of this.#closes.reverse()) {
      try {
        await close();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, "not everything could be closed");
  }
}

/** Sets the stage, lets a fleet work on it, and takes it down again. */
export async function onStage<Result>(
  stage: Stage,
  random: () => number,
  play: (world: World) => Promise<Result>,
): Promise<Result> {
  const closing = new Closing();
  try {
    const scenery = await build(stage, closing);
    const world = closing.with(new World(scenery, random), (opened) => opened.close());
    await world.define();
    for (const sidecar of scenery.sidecars) await sidecar.start();
    const crew = stage.crew ?? [{}, {}, {}, {}];
    for (const job of crew) await world.hire(job);
    return await play(world);
  } finally {
    await closing.all();
  }
}

async function build(stage: Stage, closing: Closing): Promise<Scenery> {
  const stop = (server: RedisServer) => server.stop();
  const clock = stage.clock ? closing.with(new FakeClock(), (opened) => opened[Symbol.dispose]()) : undefined;
  const redis = closing.with(await startMaster(stage, clock), stop);
  const host = stage.host ? closing.with(await startRemoteHost(), (opened) => opened.stop()) : undefined;
  const upstream = closing.with(await startUpstream(), (opened) => opened[Symbol.asyncDispose]());
  const front = stage.front
    ? closing.with(await startCutProxy(redis.port), (opened) => opened.close())
    : undefined;
  const sidecars = Array.from({ length: stage.sidecars ?? 0 }, () =>
    closing.with(new SidecarProcess({ redisUrl: redis.url, prefix, maxLeaseMs: leaseMs }), (opened) =>
      opened.kill(),
    ),
  );
  const replica = stage.replica ? await follow(redis, closing) : undefined;
  return { redis, upstream, sidecars, clock, replica, front, host };
}

function startMaster(
  { redis = [], host = false }: Stage,
  clock: FakeClock | undefined,
): Promise<RedisServer> {
  // A replica that comes back is served at once, and not after a while in which others might come, too.
  const args = ["--repl-diskless-sync-delay", "0", ...redis];
  if (host) args.push("--bind", "0.0.0.0", "--protected-mode", "no");
  return startRedis({ args, ...(clock && { env: clock.env }) });
}

async function follow(master: RedisServer, closing: Closing): Promise<Scenery["replica"]> {
  const link = closing.with(await startLink(master.port), (opened) => opened.close());
  const args = ["--replicaof", "127.0.0.1", String(link.port), "--repl-diskless-sync-delay", "0"];
  const server = closing.with(await startRedis({ args }), (opened) => opened.stop());
  return { server, link };
}
