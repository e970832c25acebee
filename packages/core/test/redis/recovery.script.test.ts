import { type RedisServer, startRedis } from "@sluice/testkit";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { encode, knowledge, refusals } from "../../src/stores/redis/wire.js";
import { ownLife, ScriptUnderTest } from "./script.js";

const start = 1_700_000_000_000;
const longestLeaseMs = 1_000;
const replicatedAs = "abcdef0123456789".padEnd(40, "1");
const promoted = `${ownLife}+${replicatedAs.slice(0, 12)}`;

let server: RedisServer;
let script: ScriptUnderTest;

beforeAll(async () => {
  server = await startRedis();
  script = new ScriptUnderTest(server, "api");
});
afterAll(async () => {
  script.close();
  await server.stop();
});
beforeEach(async () => {
  await script.reset();
  script.knowledge = knowledge.none;
  script.servedAgoMs = undefined;
  await script.load();
});

const definition = { limit: 1, leaseMs: 1_000, maxWaiters: 1_000 };
const ofOne = encode.define(definition);
const inPassing = encode.ensure(definition);
const acquire = (...leases: string[]) => `["A",0,${leases.map((lease) => `"${lease}"`).join(",")}]`;
const tryAcquire = (lease: string) => `["B","${lease}",1,0]`;
const release = (...leases: string[]) => `["r",${leases.map((lease) => `"${lease}"`).join(",")}]`;
const renew = (lease: string) => `["n","${lease}"]`;
const terms = { permits: 1, fence: start * 1_000, leaseMs: 1_000, holder: "h" };

/** Another life of the server begins, with the data of the last one. */
async function restart(life = "another", facts = {}): Promise<void> {
  await script.setServer({ runId: life.split("+")[0] ?? life, upMs: 0, ...facts });
  await script.load(life);
}

describe("a server that was started again with its data", () => {
  test("grants nothing for one longest lease from the first call on, then serves who waits", async () => {
    await script.apply("p", [ofOne, acquire("held", "waiting")], start);
    await restart();
    const first = await script.apply("q", [tryAcquire("new")], start + 5_000);
    expect(first.answers).toEqual([refusals.recovering]);
    expect(first.recovery).toEqual({ until: start + 6_000, cause: "restart" });
    await script.apply("p", [`["?","waiting"]`], start + 5_010);
    const last = await script.apply("q", [tryAcquire("new")], start + 5_999);
    expect(last.answers).toEqual([refusals.recovering]);
    const served = await script.apply("p", [], start + 6_000);
    expect(served.notices?.grants).toEqual([["waiting", 1]]);
    expect(served.recovery).toBeUndefined();
  });

  test("keeps the places of those who ask again, and forgets those of the others within two minutes", async () => {
    await script.apply("p", [ofOne, acquire("held", "gone")], start);
    await script.apply("q", [acquire("stays")], start);
    await restart();
    let now = start + 10_000;
    await script.apply("new", [acquire("newcomer")], now);
    expect((await script.apply("q", [`["?","stays"]`], now)).digest).toBe(2);
    expect((await script.apply("q", [], now + longestLeaseMs)).notices?.grants).toEqual([["stays", 1]]);
    for (; now < start + 130_000; now += 500) {
      await script.apply("q", [renew("stays")], now);
      await script.apply("p", [], now);
    }
    expect((await script.timesToLive()).parked).toBeUndefined();
  });

  test("recovers until the same moment with every semaphore, used then or later", async () => {
    const other = new ScriptUnderTest(server, "other");
    await script.apply("p", [ofOne], start);
    await other.reset();
    await script.apply("p", [], start);
    await other.load();
    await other.apply("p", [ofOne], start);
    await restart();
    await other.load("another");
    await script.apply("p", [], start + 5_000);
    expect((await other.apply("p", [], start + 5_900)).recovery?.until).toBe(start + 6_000);
    other.close();
  });

  test("shows that it recovers before anybody has used the semaphore", async () => {
    await script.apply("p", [ofOne], start);
    await restart();
    expect(await script.status(start + 5_000)).toMatchObject({ recovering: true });
  });
});

describe("a marker that is missing", () => {
  test.each([
    [
      "a server that is younger than the longest lease: until nobody can believe any more",
      { upMs: 4_000 },
      2_000,
    ],
    ["a server that has lasted for longer: nothing", { upMs: 6_000 }, 0],
    ["a server that was flushed: a whole longest lease", { flushed: true }, 5_000],
  ])("means, on %s", async (_, facts, leftMs) => {
    await script.setServer(facts);
    const { recovery } = await script.apply("p", [ofOne], start, 0, 5_000);
    expect(recovery?.until ?? start).toBe(start + leftMs);
  });

  test("means a whole longest lease on a server that was promoted, unless this life is known for longer", async () => {
    await script.load(promoted);
    await script.setServer({ replicatedAs });
    expect((await script.apply("p", [ofOne], start)).recovery).toEqual({
      until: start + longestLeaseMs,
      cause: "promotion",
    });
    await script.reset();
    await script.setServer({ replicatedAs });
    script.knowledge = knowledge.oldLife;
    expect((await script.apply("p", [ofOne], start)).recovery).toBeUndefined();
  });

  test("means nothing to one who knows that the server is fresh, and to those who come later", async () => {
    await script.setServer({ upMs: 0, flushed: true });
    script.knowledge = knowledge.fresh;
    expect((await script.apply("p", [ofOne], start)).recovery).toBeUndefined();
    script.knowledge = knowledge.none;
    await script.apply("p", [encode.remove()], start);
    expect((await script.apply("q", [inPassing], start)).recovery).toBeUndefined();
  });
});

test("a promoted server recovers for a whole longest lease, however long it has been up", async () => {
  await script.apply("p", [ofOne], start);
  await restart(promoted, { replicatedAs, upMs: 86_400_000 });
  const { recovery } = await script.apply("p", [], start + 10);
  expect(recovery).toEqual({ until: start + 10 + longestLeaseMs, cause: "promotion" });
});

test("a clock that is set back prolongs no recovery beyond a longest lease", async () => {
  await script.setServer({ upMs: 0 });
  await script.apply("p", [ofOne], start);
  await script.loseState();
  const anew = await script.apply("p", [ofOne], start - 3_600_000);
  expect(anew.recovery?.until).toBe(start - 3_600_000 + longestLeaseMs);
});

test("scripts of an earlier life of the same server are refused where they meet another's state", async () => {
  await script.apply("p", [ofOne], start);
  await restart(promoted, { replicatedAs });
  await script.apply("p", [], start + 10);
  await script.load(ownLife);
  await expect(script.apply("q", [acquire("one")], start + 20)).rejects.toThrow(/^STALE/);
});

test("a server to which processes come back from another one recovers, once for that one", async () => {
  await script.apply("p", [ofOne], start);
  script.servedAgoMs = 5;
  const { recovery } = await script.apply("p", [acquire("one")], start + 10);
  expect(recovery).toEqual({ until: start + 10 + longestLeaseMs, cause: "return" });
  script.servedAgoMs = 15;
  expect((await script.apply("q", [], start + 20)).recovery).toEqual(recovery);
  script.servedAgoMs = undefined;
  expect((await script.apply("q", [], start + 10 + longestLeaseMs)).recovery).toBeUndefined();
});

test("a server that took over from another one knows where processes come from", async () => {
  await script.apply("p", [ofOne], start);
  await restart();
  await script.apply("p", [], start + 10);
  script.servedAgoMs = 495;
  expect((await script.apply("p", [], start + 500)).recovery?.until).toBe(start + 10 + longestLeaseMs);
});

test("a server that knows a longer lease than the marker recovers for that", async () => {
  await script.setServer({ upMs: 0 });
  await script.apply("p", [ofOne], start);
  expect((await script.apply("p", [], start + 10, 0, 5_000)).recovery?.until).toBe(start + 5_000);
});

describe("a fence that the semaphore has not given out", () => {
  test("makes it recover", async () => {
    await script.apply("p", [ofOne], start);
    const { recovery } = await script.apply("q", [acquire("one")], start + 10, start * 1_000 + 1);
    expect(recovery).toEqual({ until: start + 10 + longestLeaseMs, cause: "fence" });
    expect(await script.status(start + 10)).toMatchObject({ inUse: 0, waiting: 1, recovering: true });
  });

  test("makes one recover that is made anew because nothing is known of it", async () => {
    const { recovery } = await script.apply("q", [inPassing], start, start * 1_000 - 5);
    expect(recovery?.cause).toBe("fence");
  });

  test("is not believed where it is more than a day ahead", async () => {
    await script.apply("p", [ofOne], start);
    const { recovery } = await script.apply("q", [], start, (start + 2 * 86_400_000) * 1_000);
    expect(recovery).toBeUndefined();
  });

  test("is remembered after a removal, so that nothing recovers when the semaphore is made anew", async () => {
    const granted = await script.apply("p", [ofOne, acquire("one")], start);
    const fence = granted.fenceBase + 1;
    await script.apply("p", [release("one"), encode.remove()], start + 1);
    const anew = await script.apply("p", [inPassing, acquire("two")], start + 2, fence);
    expect(anew.recovery).toBeUndefined();
    expect(anew.fenceBase + 1).toBeGreaterThan(fence);
  });
});

describe("a removed semaphore", () => {
  test("leaves nothing behind in the end", async () => {
    await script.apply("p", [ofOne], start);
    await script.apply("p", [encode.remove()], start);
    expect(await script.status(start)).toBeUndefined();
    const times = await script.timesToLive();
    expect(Object.keys(times)).toEqual(["facts"]);
    expect(times.facts).toBeGreaterThan(590_000);
    expect(times.facts).toBeLessThanOrEqual(600_000);
  });

  test("that was removed while it recovered goes on with that when it is made anew", async () => {
    await script.apply("p", [ofOne], start);
    await script.apply("p", [], start, start * 1_000 + 1);
    await script.apply("p", [encode.remove()], start + 10);
    const anew = await script.apply("q", [inPassing, tryAcquire("one")], start + 20);
    expect(anew.answers.at(-1)).toBe(refusals.recovering);
    expect(anew.recovery?.until).toBe(start + longestLeaseMs);
  });
});

describe("in a recovery", () => {
  const before = encode.recall({ limit: 3, leaseMs: 500, maxWaiters: 7 }, 4, true);

  test("the latest definition that anybody remembers is taken", async () => {
    await script.setServer({ upMs: 0 });
    await script.apply("new", [inPassing], start);
    const older = encode.recall({ limit: 9, leaseMs: 900, maxWaiters: 9 }, 2, true);
    await script.apply("p", [older], start + 1);
    await script.apply("q", [before], start + 2);
    const reply = await script.apply("p", [older], start + 3);
    expect(reply).toMatchObject({ limit: 3, leaseMs: 500, maxWaiters: 7, version: 4 });
  });

  test("a remembered definition makes the semaphore anew, to stay", async () => {
    await script.setServer({ upMs: 0 });
    await script.apply("q", [before], start);
    expect(await script.status(start)).toMatchObject({ limit: 3, version: 4, recovering: true });
    expect((await script.timesToLive()).facts).toBe(-1);
  });

  test("leases are restored by their claims, also above the limit, and count", async () => {
    await script.setServer({ upMs: 0 });
    const later = { ...terms, fence: terms.fence + 5 };
    const reply = await script.apply(
      "p",
      [inPassing, encode.claim("one", "", terms), encode.claim("two", "", later)],
      start,
    );
    expect(reply.answers.slice(1)).toEqual([1_000, 1_000]);
    expect(await script.status(start)).toMatchObject({ inUse: 2, recovering: true });
    await script.apply("p", [renew("one"), renew("two")], start + 900);
    const over = await script.apply("q", [tryAcquire("new")], start + longestLeaseMs);
    expect(over.answers).toEqual([refusals.timeout]);
    const freed = await script.apply("p", [release("one", "two")], start + longestLeaseMs + 1);
    expect(freed.answers).toEqual([1, 1]);
    const granted = await script.apply("q", [acquire("new")], start + longestLeaseMs + 2);
    expect(granted.fenceBase + 1).toBeGreaterThan(later.fence);
  });

  test("who is queued under the name of a restored lease is told to ask again, and has it", async () => {
    await script.setServer({ upMs: 0 });
    await script.apply("p", [inPassing, acquire("one")], start);
    const claimed = await script.apply("p", [encode.claim("one", "", terms)], start + 1);
    expect(claimed.notices?.removed).toBe(true);
    expect(await script.status(start + 1)).toMatchObject({ inUse: 1, waiting: 0 });
    const asked = await script.apply("p", [`["?","one"]`], start + 2);
    expect(asked.answers).toEqual([[1, terms.fence, start + 1_001, 1_000, 1, 0]]);
  });
});

test("outside of a recovery nothing is restored, and no definition remembered", async () => {
  const recalled = encode.recall({ limit: 3, leaseMs: 500, maxWaiters: 7 }, 4, true);
  const reply = await script.apply("p", [recalled, encode.claim("one", "", terms)], start);
  expect(reply).toMatchObject({ limit: -1, answers: [0, refusals.lapsed] });
  await script.apply("p", [ofOne], start);
  const known = await script.apply("p", [recalled, encode.claim("one", "", terms)], start);
  expect(known).toMatchObject({ limit: 1, version: 1, answers: [0, refusals.lapsed] });
});

describe("keys that were evicted", () => {
  test("of all leases: the next renewal finds it, and claims bring the leases back", async () => {
    await script.apply("p", [ofOne, acquire("held")], start);
    await script.evict("leases");
    const lost = await script.apply("p", [renew("held")], start + 300);
    expect(lost.answers).toEqual([refusals.lapsed]);
    expect(lost.recovery).toEqual({ until: start + 300 + longestLeaseMs, cause: "keys" });
    const claimed = await script.apply("p", [encode.claim("held", "", terms)], start + 301);
    expect(claimed.answers).toEqual([1_000]);
    expect(await script.status(start + 301)).toMatchObject({ inUse: 1 });
  });

  test("of all expiries: nothing pauses, and each lease counts for one longest lease more", async () => {
    await script.apply("p", [ofOne, acquire("held")], start);
    await script.evict("expiries");
    await script.apply("q", [acquire("waiting")], start + 1_000);
    expect(await script.status(start + 1_000)).toMatchObject({ inUse: 1, recovering: false });
    const served = await script.apply("q", [], start + 2_000);
    expect(served.notices?.grants).toEqual([["waiting", 1]]);
  });

  test("of the facts: a semaphore that is made anew over leases that stayed behind recovers", async () => {
    await script.apply("p", [ofOne, acquire("held")], start);
    await script.evict("facts");
    const { recovery } = await script.apply("q", [inPassing], start + 10);
    expect(recovery).toEqual({ until: start + 10 + longestLeaseMs, cause: "keys" });
  });
});

describe("a lease that has changed hands", () => {
  const asked = '["B","one",1,1,0,1000,"h","a1",""]';
  const first = { ...terms, ownedAt: start };
  const second = { ...terms, ownedAt: start + 100 };
  const ofFirst = encode.claimAgain("one", "a1", first);
  const ofSecond = encode.claimAgain("one", "a2", second);

  beforeEach(async () => {
    await script.apply("side1", [ofOne, asked], start);
    await script.apply("side2", [encode.claim("one", "a2", terms)], start + 100);
  });

  test.each([
    ["the latter", [ofSecond, ofFirst]],
    ["the former", [ofFirst, ofSecond]],
  ])("belongs to who has had it for less long, though %s tells of it first", async (_, claims) => {
    await script.loseState();
    await restart();
    await script.apply("p", [inPassing], start + 200);
    for (const claim of claims) {
      await script.apply(claim === ofFirst ? "side1" : "side2", [claim], start + 200);
    }
    const late = await script.apply("side1", [encode.releaseOwned("one", "a1")], start + 300);
    expect(late.answers).toEqual([0]);
    expect(await script.status(start + 300)).toMatchObject({ inUse: 1 });
  });

  test("stays with the one that the state names, where that is the latter", async () => {
    await restart();
    await script.apply("side1", [ofFirst], start + 200);
    const late = await script.apply("side1", [encode.releaseOwned("one", "a1")], start + 300);
    expect(late.answers).toEqual([0]);
  });
});

test("a state of the format before this one goes on, and is upgraded", async () => {
  await script.apply("p", [ofOne, acquire("one")], start);
  await script.writeAsBefore();
  for (let now = start; now < start + 30_000; now += 500) await script.apply("p", [renew("one")], now);
  expect(await script.status(start + 30_000)).toMatchObject({ inUse: 1, limit: 1, recovering: false });
});

test("a recovery that a removed semaphore was in does not hide a longer one", async () => {
  await script.apply("p", [ofOne], start);
  await script.apply("p", [], start, start * 1_000 + 1);
  await script.apply("p", [encode.remove()], start + 10);
  await restart();
  const { recovery } = await script.apply("q", [inPassing], start + 900);
  expect(recovery).toEqual({ until: start + 900 + longestLeaseMs, cause: "restart" });
});

test("a process with shorter leases has a semaphore recover for the longest lease of the server", async () => {
  await script.apply("p", [ofOne, acquire("one")], start, 0, 5_000);
  await script.loseState();
  const { recovery } = await script.apply("q", [inPassing], start + 10, start * 1_000 + 1, 1_000);
  expect(recovery?.until).toBe(start + 10 + 5_000);
});

test("a server that is old enough for short leases is not for long ones", async () => {
  await script.setServer({ upMs: 3_000 });
  expect((await script.apply("p", [ofOne], start)).recovery).toBeUndefined();
  const { recovery } = await script.apply("q", [], start + 10, 0, 60_000);
  expect(recovery?.until).toBe(start - 2_000 + 60_000);
});

test("a master that forgets, without replicas, that it was promoted begins no other life", async () => {
  await script.load(promoted);
  await script.setServer({ replicatedAs });
  await script.apply("p", [ofOne, acquire("one")], start);
  await script.apply("p", [], start + 2_000);
  await script.setServer();
  await script.load(ownLife);
  const reply = await script.apply("new", [tryAcquire("two")], start + 3_000);
  expect(reply.recovery).toBeUndefined();
  expect(reply.answers).toEqual([1]);
});

test("scripts of an earlier life do not end what they find after a long silence", async () => {
  await restart("newlife", { upMs: 86_400_000 });
  await script.apply("new", [ofOne, acquire("one"), release("one")], start);
  await script.load(ownLife);
  await expect(script.apply("old", [tryAcquire("x")], start + 590_000)).rejects.toThrow(/^STALE/);
  await script.load("newlife");
  expect((await script.apply("new", [tryAcquire("y")], start + 590_010)).limit).toBe(1);
});

test("waiters that were set aside before a restart leave no records", async () => {
  await script.apply("p", [ofOne, acquire("held", "w1", "w2")], start);
  for (let now = start; now < start + 3_000; now += 400) await script.apply("q", [renew("held")], now);
  await script.apply("q", [acquire("w3")], start + 3_000);
  await restart();
  for (let now = start + 4_000; now < start + 200_000; now += 800)
    await script.apply("q", [renew("held")], now);
  expect(await script.redis.hlen("test:{api}:waiters")).toBe(0);
});

describe("a definition that somebody remembers of a semaphore that was removed", () => {
  const remembered = encode.recall(definition, 1, false);

  beforeEach(async () => {
    await script.apply("p", [ofOne], start);
    await script.apply("op", [encode.remove()], start + 10);
  });

  test("does not bring it back where the server has kept its data", async () => {
    await script.evict("facts");
    await restart();
    expect((await script.apply("p", [remembered], start + 700_000)).limit).toBe(-1);
  });

  test("nor as long as the server remembers the removal", async () => {
    await script.setServer({ flushed: true });
    await script.redis.del("test:marker");
    expect((await script.apply("p", [remembered], start + 20)).limit).toBe(-1);
  });
});
