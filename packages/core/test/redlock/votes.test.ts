import { type RedisServer, until } from "@sluice/testkit";
import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ownClient } from "../../src/stores/redlock/client.js";
import { Keys } from "../../src/stores/redlock/keys.js";
import { Quorum } from "../../src/stores/redlock/quorum.js";
import type { LeaseRecord, Slotted } from "../../src/stores/redlock/records.js";
import { startMasters, stopMasters } from "./masters.js";

const semaphore = "api";
/** Both end long after each test: masters take a while to start again. */
const leaseMs = 15_000;
const maxLeaseMs = 15_000;

let masters: RedisServer[];
let quorums: Quorum[];
let fence = 1;

beforeEach(async () => {
  masters = await startMasters();
  quorums = [];
});

afterEach(async () => {
  for (const quorum of quorums) quorum.close();
  await stopMasters(masters);
});

async function newQuorum(longestMs = maxLeaseMs): Promise<Quorum> {
  const clients = masters.map(({ url }) => ownClient(url));
  const quorum = new Quorum({ clients, keys: new Keys("test"), maxLeaseMs: longestMs, assumeFresh: true });
  quorums.push(quorum);
  await until(() => quorum.masters.every(({ up }) => up), { what: "all masters to be met" });
  return quorum;
}

async function isFree(): Promise<boolean> {
  const found = await Promise.all(
    masters.map((master) => master.command("EXISTS", "test:quorum:{api}:slot:0")),
  );
  return found.every((one) => one === 0);
}

function slotted(lease: string, changes: Partial<LeaseRecord> = {}, slots: readonly number[] = [0]): Slotted {
  fence += 1_000;
  const record: LeaseRecord = {
    lease,
    nonce: lease,
    fence,
    turn: 0,
    revision: 0,
    author: "",
    attempt: "first",
    permits: slots.length,
    leaseMs,
    holder: "test",
    grantedAt: 0,
    ...changes,
  };
  return { record, slots };
}

describe("a slot", () => {
  it("has one owner, however many vote for it at once and however little they know of each other", async () => {
    const both = [await newQuorum(), await newQuorum()];
    for (let round = 0; round < 30; round += 1) {
      const asked = Array.from({ length: 6 }, (_, index) => slotted(`lease-${round}-${index}`));
      const verdicts = await Promise.all(
        asked.map((one, index) => both[index % 2]?.vote("t", semaphore, one, leaseMs)),
      );
      expect(verdicts.filter((verdict) => verdict?.carried).length).toBeLessThanOrEqual(1);
      await Promise.all(asked.map((one, index) => both[index % 2]?.release(semaphore, one)));
    }
  });

  it("is taken together with the others of its lease, or not at all", async () => {
    const quorum = await newQuorum();
    await quorum.vote("t", semaphore, slotted("one", {}, [1]), leaseMs);
    const large = await quorum.vote("t", semaphore, slotted("three", {}, [0, 1, 2]), leaseMs);
    expect(large).toMatchObject({ carried: false, certain: true, reasons: ["TAKEN", "TAKEN", "TAKEN"] });
    expect(await quorum.vote("t", semaphore, slotted("two", {}, [0, 2]), leaseMs)).toMatchObject({
      carried: true,
    });
  });

  it("goes from one lease to the next with a higher fence only", async () => {
    const quorum = await newQuorum();
    const late = slotted("late");
    const first = slotted("first");
    await quorum.vote("t", semaphore, first, leaseMs);
    await quorum.release(semaphore, first);
    expect(await quorum.vote("t", semaphore, late, leaseMs)).toMatchObject({
      carried: false,
      reasons: stale,
    });
    expect(await quorum.vote("t", semaphore, slotted("next"), leaseMs)).toMatchObject({ carried: true });
  });

  it("is not given for a lease that has another slot already", async () => {
    const quorum = await newQuorum();
    await quorum.vote("t", semaphore, slotted("lease", { nonce: "one" }, [3]), leaseMs);
    const again = await quorum.vote("t", semaphore, slotted("lease", { nonce: "two" }, [4]), leaseMs);
    expect(again).toMatchObject({ carried: false, reasons: ["HELD", "HELD", "HELD"] });
  });

  it("is not given by a definition that is no longer the newest", async () => {
    const quorum = await newQuorum();
    const facts = quorum.keys.of(semaphore).common[1] ?? "";
    for (const { url } of masters.slice(0, 2)) {
      const client = new Redis(url);
      await client.hset(facts, "revision", 2, "author", "b");
      client.disconnect();
    }
    const vote = (revision: number, author: string) =>
      quorum.vote(
        "t",
        semaphore,
        slotted(`${revision}-${author}`, { revision, author }, [revision]),
        leaseMs,
      );
    expect(await vote(1, "z")).toMatchObject({ carried: false });
    expect(await vote(2, "a")).toMatchObject({ carried: false });
    expect(await vote(2, "b")).toMatchObject({ carried: true });
  });
});

describe("what arrives late", () => {
  it("renews no lease that was released", async () => {
    const quorum = await newQuorum();
    const lease = slotted("lease");
    await quorum.vote("t", semaphore, lease, leaseMs);
    await quorum.release(semaphore, lease);
    expect(await quorum.vote("k", semaphore, lease, leaseMs)).toMatchObject({
      carried: false,
      reasons: over,
    });
  });

  it("renews no lease whose slot another one has had since", async () => {
    const quorum = await newQuorum();
    const lapsed = slotted("lapsed");
    await quorum.vote("t", semaphore, lapsed, 1);
    await until(isFree, { what: "the lapse" });
    expect(await quorum.vote("t", semaphore, slotted("next"), 1)).toMatchObject({ carried: true });
    await until(isFree, { what: "the next lapse" });
    expect(await quorum.vote("k", semaphore, lapsed, leaseMs)).toMatchObject({
      carried: false,
      reasons: over,
    });
  });

  it("frees nothing that a later attempt has", async () => {
    const quorum = await newQuorum();
    const first = slotted("lease", { nonce: "first" });
    await quorum.vote("t", semaphore, first, leaseMs);
    const second = { ...first, record: { ...first.record, nonce: "second", turn: 1 } };
    expect(await quorum.vote("c", semaphore, second, leaseMs)).toMatchObject({ carried: true });
    expect(await quorum.release(semaphore, first)).toMatchObject({ carried: false, reasons: over });
    expect(await quorum.vote("t", semaphore, slotted("other"), leaseMs)).toMatchObject({ carried: false });
    expect(await quorum.release(semaphore, second)).toMatchObject({ carried: true });
  });

  it("does not shorten a lease", async () => {
    const quorum = await newQuorum();
    const lease = slotted("lease");
    await quorum.vote("t", semaphore, lease, 10_000);
    await quorum.vote("k", semaphore, lease, 10);
    expect(await masters[0]?.command("PTTL", "test:quorum:{api}:slot:0")).toBeGreaterThan(5_000);
  });
});

describe("a lease", () => {
  it("is restored nowhere by one who does not know whether it is believed", async () => {
    const quorum = await newQuorum();
    const rest = slotted("rest");
    const [first] = masters;
    await quorum.vote("t", semaphore, rest, 10_000);
    await Promise.all(masters.slice(1).map((master) => master.command("DEL", "test:quorum:{api}:slot:0")));
    expect(await first?.command("EXISTS", "test:quorum:{api}:slot:0")).toBe(1);
    const foreign = await quorum.vote("h", semaphore, rest, leaseMs);
    expect(foreign).toMatchObject({ carried: false, certain: true, reasons: ["OVER", "OVER"] });
    expect(await quorum.vote("k", semaphore, rest, leaseMs)).toMatchObject({ carried: true });
    expect(await quorum.vote("h", semaphore, rest, leaseMs)).toMatchObject({ carried: true });
  });

  it("is known for as long as it may last, however long that is", async () => {
    const hour = 3_600_000;
    const quorum = await newQuorum(hour);
    await quorum.vote("t", semaphore, slotted("long"), hour);
    for (const key of ["leases", "facts"])
      expect(await masters[0]?.command("PTTL", `test:quorum:{api}:${key}`), key).toBeGreaterThan(
        hour - 10_000,
      );
  });
});

describe("a master that has restarted", () => {
  it("gives no vote to a new lease, and takes the word of one that is believed", async () => {
    const quorum = await newQuorum();
    const held = slotted("held");
    await quorum.vote("t", semaphore, held, leaseMs);
    for (const index of [0, 1]) await masters[index]?.restart({ empty: true });
    await until(() => quorum.masters.every(({ up }) => up), { what: "the masters to be met" });
    const other = await quorum.vote("t", semaphore, slotted("other", {}, [1]), leaseMs);
    expect(other).toMatchObject({ carried: false, certain: true, reasons: ["RECOVERING", "RECOVERING"] });
    expect(await quorum.vote("k", semaphore, held, leaseMs)).toMatchObject({ carried: true });
    expect(await quorum.vote("t", semaphore, slotted("other"), leaseMs)).toMatchObject({ carried: false });
  });

  it("tells who releases that it may have forgotten the lease, but not of one that it has seen released", async () => {
    const quorum = await newQuorum();
    const held = slotted("held");
    await quorum.vote("t", semaphore, held, leaseMs);
    for (const index of [0, 1]) await masters[index]?.restart({ empty: true });
    await until(() => quorum.masters.every(({ up }) => up), { what: "the masters to be met" });
    const forgotten = ["FORGOTTEN", "FORGOTTEN"];
    expect(await quorum.release(semaphore, held)).toMatchObject({ inFavour: 1, reasons: forgotten });
    expect(await quorum.release(semaphore, held)).toMatchObject({ inFavour: 0, reasons: over });
  });

  it("pauses for as long after a flush", async () => {
    const quorum = await newQuorum();
    await Promise.all(masters.map((master) => master.command("FLUSHALL")));
    const lease = slotted("lease");
    expect(await quorum.vote("t", semaphore, lease, leaseMs)).toMatchObject({
      carried: false,
      certain: false,
    });
    await until(() => quorum.masters.every(({ up, why }) => up && why === "a master was flushed"), {
      what: "the masters to be met again",
    });
    expect(await quorum.vote("t", semaphore, lease, leaseMs)).toMatchObject({
      carried: false,
      reasons: ["RECOVERING", "RECOVERING", "RECOVERING"],
    });
  });

  it("is asked by no text that was meant for its former life", async () => {
    const quorum = await newQuorum();
    await masters[0]?.command("SCRIPT", "FLUSH");
    const verdict = await quorum.vote("t", semaphore, slotted("lease"), leaseMs);
    expect(verdict).toMatchObject({ carried: true });
    await until(() => quorum.masters.every(({ up }) => up), { what: "the scripts to be loaded again" });
    expect(await masters[0]?.command("EXISTS", "test:quorum:{api}:slot:0")).toBe(0);
  });
});

const stale = ["STALE", "STALE", "STALE"];
const over = ["OVER", "OVER", "OVER"];
