import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type NodeProcess, type RedisServer, spawnNode, startRedis, until } from "@sluice/testkit";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Semaphore } from "../../src/semaphore.js";
import { freshStore } from "./fresh-store.js";

const worker = new URL("./fleet-worker.mjs", import.meta.url);

interface Ran {
  readonly task: number;
  readonly fence: number;
  readonly from: number;
  readonly to: number;
}

/** An API that takes its time and knows how many calls it had at once. */
class Upstream {
  most = 0;
  #running = 0;
  readonly #server: Server;

  constructor(taskMs: number) {
    this.#server = createServer((_, response) => {
      this.#running += 1;
      this.most = Math.max(this.most, this.#running);
      // A caller that is killed ends its call.
      response.on("close", () => {
        this.#running -= 1;
      });
      setTimeout(() => response.end(), taskMs);
    });
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

let server: RedisServer;
let tests = 0;
let upstream: Upstream | undefined;
let processes: NodeProcess[] = [];

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());
beforeEach(() => {
  tests += 1;
});
afterEach(async () => {
  await Promise.all(processes.map((child) => child.kill()));
  processes = [];
  upstream?.stop();
});

interface Fleet {
  readonly count: number;
  readonly tasks: number;
  readonly taskMs: number;
  readonly limit: number;
  readonly leaseMs: number;
}

/** Starts the processes; each has used the semaphore once when this resolves. */
async function start({ count, taskMs, ...rest }: Fleet): Promise<void> {
  upstream = new Upstream(taskMs);
  const settings = { ...rest, url: server.url, prefix: `fleet${tests}`, upstream: await upstream.start() };
  processes = Array.from({ length: count }, () => spawnNode(worker, [JSON.stringify(settings)]));
  await Promise.all(
    processes.map((child) => child.next((message: { ready?: true }) => message.ready === true)),
  );
}

function go(child: NodeProcess): void {
  child.send("go");
}

const isRun = (message: unknown) => typeof message === "object" && message !== null && "task" in message;

async function results(child: NodeProcess): Promise<Ran[]> {
  await child.finished({ timeoutMs: 60_000 });
  return child.drain().filter(isRun) as Ran[];
}

/** How many of the runs overlapped at the most, by the clock that all processes share. */
function mostAtOnce(runs: readonly Ran[]): number {
  const edges = runs.flatMap(({ from, to }) => [
    { at: from, change: 1 },
    { at: to, change: -1 },
  ]);
  edges.sort((one, other) => one.at - other.at || one.change - other.change);
  let running = 0;
  let most = 0;
  for (const { change } of edges) {
    running += change;
    most = Math.max(most, running);
  }
  return most;
}

describe("processes that share a limit over Redis", () => {
  test("run 1000 tasks ten at a time, each in its turn", async () => {
    await start({ count: 4, tasks: 250, taskMs: 5, limit: 10, leaseMs: 10_000 });
    processes.forEach(go);
    const runs = await Promise.all(processes.map(results));
    expect(runs.map(({ length }) => length)).toEqual([250, 250, 250, 250]);
    const all = runs.flat();
    expect(mostAtOnce(all)).toBeLessThanOrEqual(10);
    expect(upstream?.most).toBeLessThanOrEqual(10);
    // They really ran side by side: a limit that is held by running one at a time is no success.
    expect(upstream?.most).toBeGreaterThan(5);
    expect(new Set(all.map(({ fence }) => fence)).size).toBe(1_000);
    for (const ofOne of runs) {
      const inCallOrder = [...ofOne].sort((one, other) => one.task - other.task).map(({ fence }) => fence);
      expect(inCallOrder).toEqual([...inCallOrder].sort((one, other) => one - other));
    }
  }, 90_000);

  test("go on when one that holds permits is killed", async () => {
    await start({ count: 3, tasks: 8, taskMs: 300, limit: 4, leaseMs: 2_000 });
    const [victim, ...others] = processes as [NodeProcess, ...NodeProcess[]];
    go(victim);
    await victim.next((message: { holding?: true }) => message.holding === true);
    others.forEach(go);
    await victim.kill();
    const all = (await Promise.all(others.map(results))).flat();
    expect(all).toHaveLength(16);
    expect(upstream?.most).toBeLessThanOrEqual(4);
  }, 60_000);

  test("go on when one that waits is killed, and it leaves no place behind", async () => {
    await start({ count: 3, tasks: 8, taskMs: 50, limit: 2, leaseMs: 2_000 });
    const [victim, ...others] = processes as [NodeProcess, ...NodeProcess[]];
    const store = freshStore(server.url, { prefix: `fleet${tests}` });
    const semaphore = new Semaphore(store, "api", { limit: 2 });
    const held = [await semaphore.acquire({ leaseMs: 15_000 }), await semaphore.acquire({ leaseMs: 15_000 })];
    go(victim);
    await until(async () => (await semaphore.inspect()).waiting === 8, { what: "the waiters of the first" });
    await victim.kill();
    others.forEach(go);
    await until(async () => (await semaphore.inspect()).waiting >= 16, { what: "the waiters of the others" });
    await Promise.all(held.map((lease) => lease.release()));
    const all = (await Promise.all(others.map(results))).flat();
    expect(all).toHaveLength(16);
    expect(upstream?.most).toBeLessThanOrEqual(2);
    // Whatever was handed to the dead process before it was known to be dead has lapsed by itself.
    const isEmpty = async () => {
      const { inUse, waiting } = await semaphore.inspect();
      return inUse === 0 && waiting === 0;
    };
    await until(isEmpty, { what: "its permits and places to come back", timeoutMs: 15_000 });
    await store.close();
  }, 60_000);
});
