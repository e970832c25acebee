import { setTimeout as sleep } from "node:timers/promises";
import { definitionDefaults } from "@sluice/core";
import { memoryStore } from "@sluice/core/memory";
import { redisStore } from "@sluice/core/redis";
import { type RedisServer, seededRandom, startRedis, until } from "@sluice/testkit";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Sidecar } from "../src/sidecar.js";
import { type Failure, frailNetwork } from "./frail-network.js";
import { call } from "./http.js";
import { RawSession } from "./session-client.js";
import { startTestSidecar } from "./sidecars.js";
import { type Visitor, visits } from "./visitors.js";

const CALLERS = 1_000;
const LIMIT = 60;
/** Callers come one after the other within so long. */
const COMING_MS = 2_500;
/** And have left by so long after they came, whatever they were granted. */
const STAY_MS = 400;

const seed = Number(process.env.SLUICE_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
console.log(`seed ${seed}`);

let redis: RedisServer;
let prefixes = 0;
let sidecar: Sidecar;

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());
afterEach(() => sidecar.close());

const stores = {
  memory: () => memoryStore(),
  Redis: () => redisStore(redis.url, { prefix: `leaving-${++prefixes}`, assumeFresh: true }),
};

/** Connections of this process: those of callers, of the network, and of the sidecar. */
const connections = () => process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length;

async function start(store: keyof typeof stores): Promise<number> {
  sidecar = await startTestSidecar({ store: stores[store](), lingerMs: 100 });
  // Past HTTP, where a connection would be left that is about to end.
  await sidecar.store.define("api", { ...definitionDefaults, limit: LIMIT });
  return connections();
}

/** All callers of all kinds, each of which comes at a moment of its own; `see` sees it off. */
async function comeAndGo(
  url: string,
  see: (visitor: Visitor, random: () => number) => Promise<void>,
): Promise<void> {
  const random = seededRandom(seed);
  const kinds = Object.values(visits);
  const callers = Array.from({ length: CALLERS }, async (_, index) => {
    const body = { waitMs: 60_000, leaseMs: 200 + Math.floor(random() * 200), permits: 1 + (index % 3) };
    const own = seededRandom(Math.floor(random() * 2 ** 31));
    await sleep(own() * COMING_MS);
    const visit = kinds[index % kinds.length] as (typeof kinds)[number];
    await see(visit(url, body, index), own);
  });
  await Promise.all(callers);
}

async function leaveAtAnyMoment(visitor: Visitor, random: () => number): Promise<void> {
  const moment = random();
  if (moment < 0.4) await sleep(random() * STAY_MS);
  else {
    await Promise.race([visitor.answered, sleep(STAY_MS)]);
    if (moment < 0.7) await sleep(random() * 20);
  }
  visitor.leave(random());
  await visitor.closed;
}

async function expectNothingLeft(before: number): Promise<void> {
  const left = async () => {
    const { inUse, waiting } = (await sidecar.store.inspect("api")) ?? {};
    const { leasesHeld, acquiresUnderWay, sessionsOpen } = sidecar;
    return { inUse, waiting, leasesHeld, acquiresUnderWay, sessionsOpen };
  };
  const nothing = { inUse: 0, waiting: 0, leasesHeld: 0, acquiresUnderWay: 0, sessionsOpen: 0 };
  const isNothing = async () => JSON.stringify(await left()) === JSON.stringify(nothing);
  // First: what somebody asked who is gone may still lie in a connection, and be granted.
  await until(() => connections() <= before, { what: "the connections to end" }).catch(() => {});
  expect(connections()).toBeLessThanOrEqual(before);
  await until(isNothing, { what: "the traces to vanish" }).catch(() => {});
  expect(await left()).toEqual(nothing);
  const all = await call(sidecar.url, "POST", "/v1/semaphores/api/acquire", { body: { permits: LIMIT } });
  expect(all.status).toBe(200);
}

describe.each(["memory", "Redis"] as const)("over %s, a thousand callers of all kinds", (store) => {
  it("leave nothing behind that hang up before, at and after their grant", async () => {
    const before = await start(store);
    await comeAndGo(sidecar.url, leaveAtAnyMoment);
    expect((await sidecar.store.inspect("api"))?.grantsTotal).toBeGreaterThan(CALLERS / 10);
    await expectNothingLeft(before);
  }, 60_000);

  it("leave nothing behind whose connections are cut before, at and after their grant", async () => {
    const before = await start(store);
    const network = frailNetwork(sidecar.url, nextFailure());
    const url = await network.listen();
    await comeAndGo(url, (visitor) => visitor.closed);
    await network.close();
    expect((await sidecar.store.inspect("api"))?.grantsTotal).toBeGreaterThan(CALLERS / 10);
    await expectNothingLeft(before);
  }, 60_000);
});

it("an acquire that is refused leaves nothing behind in its session", async () => {
  sidecar = await startTestSidecar();
  const session = await RawSession.open(sidecar.url);
  const { lease } = await session.acquire("api");
  for (const waitMs of [0, 1]) {
    const refused = await session.problemTo({ op: "acquire", semaphore: "api", waitMs });
    expect(refused.code).toBe("ACQUIRE_TIMEOUT");
  }
  expect(sidecar.acquiresUnderWay).toBe(0);
  await session.ask({ op: "release", semaphore: "api", lease });
  await session.goodbye();
});

function nextFailure(): () => Failure {
  const random = seededRandom(seed + 1);
  const manners = ["both", "sidecar", "silence"] as const;
  return () => ({
    afterMs: random() * STAY_MS,
    afterAnswerMs: random() * 20,
    manner: manners[Math.floor(random() * manners.length)] ?? "both",
  });
}
