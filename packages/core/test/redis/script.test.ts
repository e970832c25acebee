import { type RedisServer, startRedis } from "@sluice/testkit";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { encode, refusals } from "../../src/stores/redis/wire.js";
import { ScriptUnderTest } from "./script.js";

const start = 1_700_000_000_000;
const minute = 60_000;

let server: RedisServer;
let script: ScriptUnderTest;

beforeAll(async () => {
  server = await startRedis();
  script = new ScriptUnderTest(server, "api");
  await script.load();
});
afterAll(async () => {
  script.close();
  await server.stop();
});
beforeEach(() => script.reset());

const inPassing = encode.ensure({ limit: 1, leaseMs: 1_000, maxWaiters: 1_000 });
const ofOne = encode.define({ limit: 1, leaseMs: 1_000, maxWaiters: 1_000 });
const acquire = (...leases: string[]) => `["A",0,${leases.map((lease) => `"${lease}"`).join(",")}]`;
const release = (...leases: string[]) => `["r",${leases.map((lease) => `"${lease}"`).join(",")}]`;
const again = (lease: string) => `["?","${lease}"]`;
const names = (count: number, prefix = "w") =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`);

describe("batches", () => {
  test("that come late, after a newer one of the same process, do nothing", async () => {
    await script.applyBatch("p", 5, [ofOne], start);
    expect(await script.applyBatch("p", 4, [acquire("late")], start)).toBeUndefined();
    expect(await script.status(start)).toMatchObject({ inUse: 0, grantsTotal: 0 });
  });

  test("that must follow another one do nothing where that one is missing", async () => {
    await script.applyBatch("p", 5, [ofOne], start);
    expect(await script.applyBatch("p", 7, [acquire("second")], start, 6)).toBeUndefined();
    await script.applyBatch("p", 6, [acquire("first")], start);
    const second = await script.applyBatch("p", 7, [acquire("second")], start, 6);
    expect(second?.answers).toEqual([[0, 1]]);
  });

  test("that come twice grant the same leases, with the same fences", async () => {
    const first = await script.applyBatch("p", 1, [ofOne, acquire("one", "two")], start);
    const second = await script.applyBatch("p", 1, [ofOne, acquire("one", "two")], start + 10);
    expect(first?.answers.slice(1)).toEqual([1, [0, 1]]);
    const fence = (first?.fenceBase ?? 0) + 1;
    expect(second?.answers.slice(1)).toEqual([
      [1, fence, start + 1_000, 1_000, 1, 0],
      [0, 1],
    ]);
    expect(second?.repeated).toBe(true);
    expect(await script.status(start + 10)).toMatchObject({ inUse: 1, waiting: 1, grantsTotal: 1 });
  });

  test("that name strange leases find nothing and harm nothing", async () => {
    await script.apply("p", [ofOne, acquire("one")], start);
    const strange = ["", " ", '"],["x"],["r","', "\u0000", "é"];
    const operations = strange.flatMap((name) => [
      `["r",${encode.name(name)}]`,
      `["n",${encode.name(name)}]`,
      encode.renewFor(name, 100),
      encode.claim(name, ""),
      encode.releaseOwned(name, ""),
      encode.cancel(name, ""),
      encode.discard(name, 1),
      encode.revoke(name),
    ]);
    const reply = await script.apply("p", operations, start);
    const { lapsed } = refusals;
    expect(reply.answers).toEqual(strange.flatMap(() => [0, lapsed, lapsed, lapsed, 0, 0, 0, 0]));
    expect(await script.status(start)).toMatchObject({ inUse: 1 });
  });

  test("are refused where a newer library has written the state", async () => {
    await script.apply("p", [ofOne], start);
    await script.pretendNewerFormat();
    await expect(script.apply("p", [acquire("one")], start)).rejects.toThrow(/^INCOMPATIBLE/);
  });
});

describe("a process that falls silent", () => {
  beforeEach(async () => {
    await script.apply("holder", [ofOne, acquire("held")], start);
    await script.apply("silent", [acquire("s1", "s2")], start);
  });

  test("is passed over, and gets its places back when it asks again", async () => {
    const later = start + 1_500;
    await script.apply("other", [acquire("o1")], later);
    // "held" has lapsed by now; the silent ones stand first in the queue, and are set aside.
    expect(await script.status(later)).toMatchObject({ inUse: 1, waiting: 0 });
    const back = await script.apply("silent", [], later + 10);
    expect(back.digest).toBe(0);
    const places = await script.apply("silent", [again("s1"), again("s2")], later + 20);
    expect(places.answers).toEqual([
      [0, 1],
      [0, 2],
    ]);
    expect(places.digest).toBe(3);
    await script.apply("other", [acquire("o2")], later + 30);
    await script.apply("other", [release("o1")], later + 40);
    // Its turn comes before that of the one who has come meanwhile.
    const served = await script.apply("silent", [again("s1")], later + 50);
    expect(served.answers).toEqual([[1, expect.any(Number), later + 1_040, 1_000, 1, 0]]);
  });

  test("is forgotten in the end, with the places that it had", async () => {
    let now = start;
    for (; now < start + 90_000; now += 5_000) await script.apply("other", [], now);
    expect(await script.processes()).toEqual(["other"]);
    expect(await script.apply("silent", [again("s1")], now)).toMatchObject({ digest: 0 });
    expect((await script.timesToLive()).parked).toBeUndefined();
  });

  test("does not keep hundreds of dead waiters in the way of a living one", async () => {
    await script.apply("silent", [acquire(...names(200, "dead"))], start);
    await script.apply("silent", [acquire(...names(200, "gone"))], start);
    let reply = await script.apply("other", [acquire("alive")], start + 1_500);
    for (let calls = 0; reply.more && calls < 5; calls += 1)
      reply = await script.apply("other", [], start + 1_500);
    expect(await script.status(start + 1_500)).toMatchObject({ inUse: 1, waiting: 0 });
  });
});

describe("a lease that another attempt has asked for", () => {
  const asked = (attempt: string) => `["a","shared",1,1,0,0,"","${attempt}",""]`;

  test("is not ended by a push that comes late to the first process", async () => {
    const first = await script.apply("first", [ofOne, asked("1")], start);
    await script.apply("second", [asked("2")], start);
    const late = await script.apply("first", [encode.discard("shared", first.fenceBase + 1)], start + 10);
    expect(late.answers).toEqual([0]);
    expect(await script.status(start + 10)).toMatchObject({ inUse: 1 });
  });

  test("is not ended by an abort that crosses the answer", async () => {
    await script.apply("first", [ofOne, asked("1")], start);
    await script.apply("second", [asked("2")], start);
    const aborted = await script.apply("second", [encode.cancel("shared", "2")], start + 10);
    expect(aborted.answers).toEqual([0]);
    expect(await script.status(start + 10)).toMatchObject({ inUse: 1 });
  });

  test("stays with the later attempt when the first one asks again after a lost connection", async () => {
    await script.apply("first", [ofOne, asked("1")], start);
    await script.apply("second", [asked("2")], start);
    const again = await script.apply("first", ['["?","shared",1,1,0,0,"","1",""]'], start + 10);
    expect(again.answers).toEqual([refusals.superseded]);
  });
});

describe("a claimed lease", () => {
  test("is not ended by an abort of the attempt that claimed it, and is by its release", async () => {
    await script.apply("first", [ofOne, acquire("one")], start);
    expect((await script.apply("second", [encode.claim("one", "")], start)).answers).toEqual([1_000]);
    const late = await script.apply("second", [encode.cancel("one", ""), release("one")], start + 10);
    expect(late.answers).toEqual([0, 1]);
  });

  test("is not given back by the process that it was granted to", async () => {
    const first = await script.apply("first", [ofOne, acquire("one")], start);
    await script.apply("second", [encode.claim("one", "2")], start);
    const late = await script.apply("first", [encode.discard("one", first.fenceBase + 1)], start + 10);
    expect(late.answers).toEqual([0]);
  });

  test("ends as late as a renewal would let it", async () => {
    await script.apply("first", [ofOne, acquire("one")], start);
    await script.apply("second", [encode.claim("one", "2")], start + 600);
    await script.apply("third", [acquire("two")], start + 1_500);
    expect(await script.status(start + 1_599)).toMatchObject({ inUse: 1, waiting: 1, lapsesTotal: 0 });
    expect(await script.status(start + 1_600)).toMatchObject({ inUse: 0, lapsesTotal: 1 });
  });

  test("can be claimed when its expiry was evicted, and has a new one", async () => {
    await script.apply("first", [ofOne, acquire("one")], start);
    await script.redis.del("test:{api}:expiries");
    await script.apply("second", [encode.claim("one", "2")], start + 100);
    expect(await script.redis.zscore("test:{api}:expiries", "one")).toBe(String(start + 1_100));
  });
});

test("a renewal for a shorter time does not end a lease earlier than an older one said", async () => {
  await script.apply("p", [ofOne, '["B","one"]'], start);
  await script.apply("p", [encode.renewFor("one", 900)], start + 500);
  await script.apply("p", [encode.renewFor("one", 100)], start + 600);
  await script.apply("q", [acquire("two")], start + 800);
  expect(await script.status(start + 800)).toMatchObject({ inUse: 1, waiting: 1 });
});

describe("a key that is evicted", () => {
  const key = (part: string) => `test:{api}:${part}`;

  for (const part of ["queue", "waiters"]) {
    test(`(${part}) makes those who wait ask again`, async () => {
      await script.apply("p", [ofOne, '["B","one"]'], start);
      const before = await script.apply("q", [acquire("two")], start);
      expect(before.digest).toBeGreaterThan(0);
      await script.redis.del(key(part));
      await script.apply("p", [release("one")], start + 10);
      expect(await script.apply("q", [], start + 20)).toMatchObject({ digest: 0 });
      await script.apply("q", [again("two")], start + 30);
      expect(await script.status(start + 30)).toMatchObject({ inUse: 1, waiting: 0 });
    });
  }
});

test("a call that is not run after a long silence leaves the definition where it was", async () => {
  await script.applyBatch("p", 5, [ofOne], start);
  expect(await script.applyBatch("p", 4, [acquire("late")], start + 9 * minute)).toBeUndefined();
  expect(await script.status(start + 9 * minute)).toMatchObject({ limit: 1, version: 1 });
});

test("a lease whose expiry was evicted has a new one when it is asked for again", async () => {
  await script.apply("p", [ofOne, '["B","one"]'], start);
  await script.redis.del("test:{api}:expiries");
  const asked = await script.apply("p", ['["a","one"]'], start + 400);
  expect(asked.answers).toEqual([[1, expect.any(Number), start + 1_400, 1_000, 1, 0]]);
});

test("no digest outlives a queue that was forgotten", async () => {
  await script.apply("p", [ofOne, '["B","one"]'], start);
  await script.apply("q", [acquire("two")], start);
  const later = start + 9 * minute;
  await script.apply("p", [], later);
  expect(await script.apply("q", [], later)).toMatchObject({ digest: 0 });
});

test("a process is remembered for as long as the queue has waiters of it", async () => {
  await script.apply("p", [encode.define({ limit: 0, leaseMs: 1_000, maxWaiters: 5_000 })], start);
  for (let batch = 0; batch < 8; batch += 1) {
    await script.apply("other", [acquire(...names(250, `o${batch}-`))], start);
  }
  const placed = await script.apply("far", [acquire("behind")], start);
  // One look along the queue takes many calls, and calls are rare.
  for (const now of [start + 90_000, start + 101_000]) await script.apply("other", [], now);
  expect(await script.processes()).toContain("far");
  const asked = await script.apply("far", [again("behind")], start + 102_000);
  expect(asked).toMatchObject({ answers: [[0, placed.digest]], digest: placed.digest });
});

describe("keys", () => {
  test("of a semaphore made in passing all go away by themselves", async () => {
    await script.apply("p", [inPassing, acquire("one", "two")], start);
    const times = await script.timesToLive();
    expect(Object.keys(times).sort()).toEqual(["expiries", "facts", "leases", "queue", "waiters"]);
    for (const time of Object.values(times)) {
      expect(time).toBeGreaterThan(10 * minute - 5_000);
      expect(time).toBeLessThanOrEqual(10 * minute + 2_000);
    }
  });

  test("of a semaphore that was defined stay as long as they hold its definition, and no longer", async () => {
    await script.apply("p", [ofOne, acquire("one", "two")], start);
    const { facts, ...others } = await script.timesToLive();
    expect(facts).toBe(-1);
    for (const time of Object.values(others)) expect(time).toBeGreaterThan(0);
  });

  test("live on with every use", async () => {
    await script.apply("p", [inPassing, acquire("one")], start);
    await script.redis.pexpire("test:{api}:leases", 30_000);
    await script.apply("p", ['["n","one"]'], start + 2 * minute);
    expect((await script.timesToLive()).leases).toBeGreaterThan(9 * minute);
  });
});

describe("after a long silence", () => {
  test("a semaphore made in passing is gone after ten minutes, and not a moment before", async () => {
    await script.apply("p", [inPassing], start);
    expect(await script.status(start + 10 * minute - 1)).toBeDefined();
    expect(await script.status(start + 10 * minute)).toBeUndefined();
    const reply = await script.apply("p", [acquire("one")], start + 10 * minute);
    expect(reply).toMatchObject({ limit: -1, answers: [refusals.unknown] });
  });

  test("a defined semaphore counts anew, also where its other keys have gone", async () => {
    await script.apply("p", [ofOne, acquire("one", "two")], start);
    await script.redis.del(
      "test:{api}:leases",
      "test:{api}:expiries",
      "test:{api}:queue",
      "test:{api}:waiters",
    );
    const later = start + 11 * minute;
    expect(await script.status(later)).toMatchObject({ inUse: 0, waiting: 0, lapsesTotal: 1 });
    const reply = await script.apply("q", [acquire("three")], later);
    expect(reply.answers).toEqual([1]);
    expect(await script.status(later)).toMatchObject({ limit: 1, inUse: 1, waiting: 0 });
  });
});

describe("the clock", () => {
  test("never runs backward, and goes on at its pace after the server's has jumped", async () => {
    const before = await script.apply("p", [ofOne, acquire("one")], start);
    const after = await script.apply("p", [], start - 3_600_000);
    expect(after.now).toBe(before.now);
    const lapsed = await script.apply("p", [], start - 3_600_000 + 1_000);
    expect(lapsed.now).toBe(before.now + 1_000);
    expect(await script.status(start - 3_600_000 + 1_000)).toMatchObject({ inUse: 0, lapsesTotal: 1 });
  });
});

test("a short lease lapses in time, also where a longer one was granted before it", async () => {
  await script.apply(
    "p",
    [encode.define({ limit: 2, leaseMs: 100, maxWaiters: 10 }), '["B","long",1,1,0,900]'],
    start,
  );
  await script.apply("p", [acquire("short")], start);
  const reply = await script.apply("p", [acquire("next")], start + 100);
  expect(reply.answers).toEqual([1]);
});

test("a lease lapses in time, also where its semaphore was removed and made anew within the call", async () => {
  await script.apply("p", [ofOne], start);
  await script.apply("p", ['["B","one"]', release("one"), encode.remove(), inPassing, '["B","two"]'], start);
  await script.apply("p", [], start + 1_000);
  expect(await script.heldPermits()).toBe(0);
});

describe("bounds on one call", () => {
  test("a lowered limit fails every waiter that no longer fits, in several calls if they are many", async () => {
    await script.apply(
      "p",
      [encode.define({ limit: 5, leaseMs: 1_000, maxWaiters: 1_000 }), acquire(...names(5, "h"))],
      start,
    );
    for (let batch = 0; batch < 3; batch += 1) {
      await script.apply(
        "p",
        names(200, `b${batch}-`).map((lease) => `["B","${lease}",4]`),
        start,
      );
    }
    let reply = await script.apply("p", [encode.resize(3)], start);
    const failed = [...(reply.notices?.misfits ?? [])];
    while (reply.more) {
      reply = await script.apply("p", [], start);
      failed.push(...(reply.notices?.misfits ?? []));
    }
    expect(new Set(failed).size).toBe(600);
    expect(await script.status(start)).toMatchObject({ waiting: 0, inUse: 5 });
    expect(reply.digest).toBe(0);
  });

  test("a thousand leases that lapse together are swept by the calls that the replies ask for", async () => {
    await script.apply("p", [encode.define({ limit: 1_000, leaseMs: 1_000, maxWaiters: 1_000 })], start);
    for (let batch = 0; batch < 5; batch += 1)
      await script.apply("p", [acquire(...names(200, `h${batch}-`))], start);
    let calls = 1;
    for (let reply = await script.apply("p", [], start + 1_000); reply.more; calls += 1) {
      reply = await script.apply("p", [], start + 1_000);
    }
    expect(calls).toBeGreaterThan(3);
    expect(await script.status(start + 1_000)).toMatchObject({ inUse: 0, lapsesTotal: 1_000 });
    expect(await script.heldPermits()).toBe(0);
  });
});
