import { once } from "node:events";
import { type Renewal, type Snapshot, type Store, StoreUnavailableError } from "@sluice/core";
import { memoryStore } from "@sluice/core/memory";
import { until } from "@sluice/testkit";
import { afterEach, describe, expect, it } from "vitest";
import type { Sidecar } from "../src/sidecar.js";
import { Folder } from "./folders.js";
import { call } from "./http.js";
import { problemOf, RawSession } from "./session-client.js";
import { startTestSidecar, type TestOptions } from "./sidecars.js";
import { OpenStream } from "./streams.js";

let sidecar: Sidecar;

afterEach(() => sidecar.close());

async function start(options: TestOptions = {}): Promise<RawSession> {
  sidecar = await startTestSidecar(options);
  return RawSession.open(sidecar.url);
}

const session = () => RawSession.open(sidecar.url);

async function look(semaphore = "api"): Promise<Snapshot> {
  const snapshot = await sidecar.store.inspect(semaphore);
  if (snapshot === undefined) throw new Error("there is no such semaphore");
  return snapshot;
}

const becomes = (what: string, condition: (snapshot: Snapshot) => boolean, timeoutMs = 5_000) =>
  until(async () => condition(await look()), { what, timeoutMs });

describe("a session", () => {
  it("is told at first who it is, and for how long it may be away", async () => {
    const { events } = await start();
    expect(events[0]).toEqual({
      event: "session",
      session: expect.stringMatching(/^[\w-]{22}$/),
      sidecar: expect.stringMatching(/^[\w-]{22}$/),
      graceMs: 20,
    });
  });

  it("acquires and releases as HTTP does, with the same fields", async () => {
    const one = await start();
    const granted = await one.ask({
      op: "acquire",
      semaphore: "api",
      limit: 2,
      permits: 2,
      leaseMs: 5_000,
      holder: "me",
    });
    expect(granted).toMatchObject({ ok: true, semaphore: "api", permits: 2, leaseMs: 5_000, limit: 2 });
    expect((await look()).leases).toMatchObject([{ permits: 2, holder: "me" }]);
    expect(await one.ask({ op: "release", semaphore: "api", lease: granted.lease })).toMatchObject({
      released: true,
    });
    expect(await one.ask({ op: "release", semaphore: "api", lease: granted.lease })).toMatchObject({
      released: false,
    });
    expect((await look()).inUse).toBe(0);
  });

  it("answers in whatever order things happen", async () => {
    const one = await start();
    const { lease } = await one.acquire("api");
    const waits = one.send({ op: "acquire", semaphore: "api", waitMs: 60_000 });
    await one.ask({ op: "ping" });
    await one.ask({ op: "release", semaphore: "api", lease });
    expect(await one.answerTo(waits)).toMatchObject({ ok: true, permits: 1 });
  });

  it("is refused with the problems that HTTP has", async () => {
    const one = await start();
    await one.acquire("api");
    expect(await one.problemTo({ op: "acquire", semaphore: "nobody" })).toMatchObject({
      code: "SEMAPHORE_UNKNOWN",
      status: 404,
    });
    expect(await one.problemTo({ op: "acquire", semaphore: "api" })).toMatchObject({
      code: "ACQUIRE_TIMEOUT",
      limit: 1,
    });
    expect(await one.problemTo({ op: "acquire", semaphore: "api", permits: 2 })).toMatchObject({
      code: "PERMITS_EXCEED_LIMIT",
    });
    expect(await one.problemTo({ op: "acquire", semaphore: "api", leaseMs: 60_000 })).toMatchObject({
      code: "INVALID_ARGUMENT",
    });
  });

  it("keeps its leases renewed by itself, and is told so", async () => {
    const one = await start();
    const { lease } = await one.acquire("api", { leaseMs: 300 });
    await until(() => one.events.filter(({ event }) => event === "valid").length >= 5, {
      what: "five renewals",
    });
    expect((await look()).leases).toMatchObject([{ lease }]);
    expect((await look()).lapsesTotal).toBe(0);
    const valid = await one.event("valid");
    const pong = await one.ask<{ at: number }>({ op: "ping" });
    expect(valid.at).toBeLessThanOrEqual(pong.at);
    expect(valid.validForMs).toBeGreaterThan(0);
    expect(valid.validForMs).toBeLessThanOrEqual(300);
  });

  it("is never told that a lease is valid for longer than the store has confirmed", async () => {
    const memory = memoryStore();
    const renew = memory.renew.bind(memory);
    const confirmed: number[] = [];
    memory.renew = async (semaphore, renewals) => {
      const results = await renew(semaphore, renewals);
      confirmed.push(Math.min(...results.map((result) => (result.renewed ? result.validUntil : 0))));
      return results;
    };
    const one = await start({ store: memory });
    await one.acquire("api", { leaseMs: 200, limit: 9 });
    await one.acquire("api", { leaseMs: 300, limit: 9 });
    await until(() => one.events.filter(({ event }) => event === "valid").length >= 8, { what: "renewals" });
    for (const event of one.events) {
      if (event.event === "valid")
        expect(event.at + event.validForMs).toBeLessThanOrEqual(Math.max(...confirmed));
    }
  });

  it("is told of a short lease beside a long one, which was told to be valid for longer", async () => {
    const one = await start();
    await one.acquire("long", { leaseMs: 600 });
    await one.event("valid");
    await one.acquire("short", { leaseMs: 150 });
    const from = (await one.ask<{ at: number }>({ op: "ping" })).at;
    await until(async () => (await one.ask<{ at: number }>({ op: "ping" })).at > from + 900, {
      what: "a while",
    });
    const told = one.events.filter((event) => event.event === "valid").filter(({ at }) => at > from);
    const gaps = told.map(({ at }, index) => at - (told[index - 1]?.at ?? from));
    // At no moment is the short one without a word that it is valid.
    expect(told.length).toBeGreaterThan(5);
    expect(Math.max(...gaps)).toBeLessThan(150);
  });

  it("is told how long a long lease is valid when a short one beside it has ended", async () => {
    const one = await start();
    await one.acquire("long", { leaseMs: 9_000 });
    const { lease } = await one.acquire("short", { leaseMs: 200 });
    await until(() => one.events.filter(({ event }) => event === "valid").length >= 2, { what: "renewals" });
    await one.ask({ op: "release", semaphore: "short", lease });
    await until(() => one.events.some((event) => event.event === "valid" && event.validForMs > 5_000), {
      what: "a word on the long one",
      timeoutMs: 1_000,
    });
  });

  it("hears of a lease that somebody else has released, and is told no more that it is valid", async () => {
    const one = await start();
    const { lease } = await one.acquire("api", { leaseMs: 300 });
    await call(sidecar.url, "POST", "/v1/semaphores/api/release", { body: { lease } });
    expect(await one.event("lost")).toMatchObject({ lease, reason: "lapsed" });
    const again = await one.acquire("api", { leaseMs: 300 });
    await one.ask({ op: "release", semaphore: "api", lease: again.lease });
    // What it has released itself is no news.
    await one.ask({ op: "ping" });
    expect(one.events.filter(({ event }) => event === "lost")).toHaveLength(1);
  });

  it("hears at once of a lease that an operator revokes, and gives it back by releasing it", async () => {
    const one = await start();
    const { lease } = await one.acquire("api");
    await call(sidecar.url, "DELETE", `/v1/semaphores/api/leases/${lease}`);
    expect(await one.event("lost")).toEqual({ event: "lost", semaphore: "api", lease, reason: "revoked" });
    expect((await look()).inUse).toBe(1);
    await one.ask({ op: "release", semaphore: "api", lease });
    expect((await look()).inUse).toBe(0);
  });

  it("hears of a lease that lapsed because the store was away, and of no other", async () => {
    const memory = memoryStore();
    const renew = memory.renew.bind(memory);
    memory.renew = (semaphore: string, renewals: readonly Renewal[]) =>
      semaphore === "api" ? Promise.reject(new StoreUnavailableError("away")) : renew(semaphore, renewals);
    const one = await start({ store: memory });
    const { lease } = await one.acquire("api", { leaseMs: 200 });
    await one.acquire("other", { leaseMs: 200 });
    expect(await one.event("lost")).toMatchObject({ semaphore: "api", lease, reason: "lapsed" });
    expect((await look("other")).inUse).toBe(1);
    expect(one.events.filter(({ event }) => event === "lost")).toHaveLength(1);
  });

  it("costs one call for each semaphore and interval, however many sessions and leases there are", async () => {
    const memory = memoryStore();
    const calls: { semaphore: string; leases: number; at: number }[] = [];
    const renew = memory.renew.bind(memory);
    memory.renew = (semaphore: string, renewals: readonly Renewal[]) => {
      calls.push({ semaphore, leases: renewals.length, at: performance.now() });
      return renew(semaphore, renewals);
    };
    const first = await start({ store: memory });
    const sessions = [first, ...(await Promise.all(Array.from({ length: 19 }, session)))];
    const leaseMs = 1_500;
    await Promise.all(
      sessions.flatMap((one) => ["a", "b"].map((name) => one.acquire(name, { limit: 1_000, leaseMs }))),
    );
    await until(() => calls.filter(({ leases }) => leases === 20).length >= 4, {
      what: "two rounds",
      timeoutMs: 10_000,
    });
    const from = calls.at(-1)?.at ?? 0;
    await until(() => performance.now() > from + 2 * leaseMs, { what: "two leases", timeoutMs: 10_000 });
    const later = calls.filter(({ at, semaphore }) => at > from && semaphore === "a");
    // Six intervals of a third of a lease, and one at the edge.
    expect(later.length).toBeLessThanOrEqual(7);
    expect(later.every(({ leases }) => leases === 20)).toBe(true);
  }, 30_000);

  it("takes a waiting acquire out of the queue when it is cancelled, and says so of both", async () => {
    const one = await start();
    await one.acquire("api");
    const waits = one.send({ op: "acquire", semaphore: "api", waitMs: 60_000, idempotencyKey: "k" });
    await becomes("one waits", ({ waiting }) => waiting === 1);
    expect(await one.ask({ op: "cancel", request: waits })).toMatchObject({ cancelled: true });
    expect(problemOf(await one.answerTo(waits))).toMatchObject({ code: "ACQUIRE_ABORTED" });
    await becomes("nobody waits", ({ waiting }) => waiting === 0);
    expect(await one.ask({ op: "cancel", request: waits })).toMatchObject({ cancelled: false });
  });

  it("can cancel an acquire in the same breath", async () => {
    const one = await start();
    const asked = one.send({ op: "acquire", semaphore: "api", limit: 1, idempotencyKey: "k" });
    one.send({ op: "cancel", request: asked });
    expect(problemOf(await one.answerTo(asked)).code).toBe("ACQUIRE_ABORTED");
    const other = await session();
    await until(
      async () => (await other.answerTo(other.send({ op: "acquire", semaphore: "api", limit: 1 }))).ok,
      {
        what: "the permit",
      },
    );
  });

  it("does not get, and does not keep, what it is granted after it has left", async () => {
    const memory = memoryStore();
    const acquire = memory.acquire.bind(memory);
    // The grant is on its way when the caller leaves: the store does not hear of it in time.
    memory.acquire = async (request, signal) => {
      const result = await acquire(request);
      if (request.holder === "late" && signal !== undefined) await once(signal, "abort");
      return result;
    };
    const one = await start({ store: memory });
    const late = { op: "acquire", semaphore: "api", limit: 5, waitMs: 60_000, holder: "late" };
    const asked = one.send(late);
    await becomes("it is granted", ({ inUse }) => inUse === 1);
    await one.ask({ op: "cancel", request: asked });
    await becomes("it is given back", ({ inUse }) => inUse === 0);
    one.send(late);
    await becomes("another is granted", ({ inUse }) => inUse === 1);
    one.vanish();
    await becomes("that is given back too", ({ inUse, lapsesTotal }) => inUse === 0 && lapsesTotal === 0);
    expect(one.answers.filter(({ id }) => id === asked)).toHaveLength(1);
    expect(sidecar.leasesHeld).toBe(0);
  });

  it("gets the same lease for the same key, also in another session, which has it from then on", async () => {
    const one = await start();
    const asking = { op: "acquire", semaphore: "api", limit: 1, idempotencyKey: "k" };
    const { lease } = await one.ask<{ lease: string }>(asking);
    const two = await session();
    expect(await two.ask(asking)).toMatchObject({ lease });
    expect(await one.event("lost")).toMatchObject({ lease, reason: "lapsed" });
    await one.goodbye();
    expect((await look()).leases).toMatchObject([{ lease }]);
    two.vanish();
    await becomes("it is given back", ({ inUse }) => inUse === 0);
  });
});

describe("a session that ends", () => {
  it("with a goodbye gives everything back at once", async () => {
    const one = await start();
    await one.acquire("api", { limit: 5 });
    await one.acquire("api", { limit: 5 });
    await one.goodbye();
    await becomes("nothing is held", ({ inUse, lapsesTotal }) => inUse === 0 && lapsesTotal === 0);
  });

  it("because a proxy ends is not taken for one that said goodbye", async () => {
    sidecar = await startTestSidecar();
    const one = await RawSession.open(sidecar.url, { headers: { "x-forwarded-for": "192.0.2.1" } });
    await one.acquire("api", { leaseMs: 500 });
    await one.goodbye(1001);
    const endedAt = performance.now();
    await becomes("it is given back", ({ inUse }) => inUse === 0);
    expect(performance.now() - endedAt).toBeGreaterThan(400);
  });

  it("leaves to its time what was claimed in it too late to be heard", async () => {
    const memory = memoryStore();
    const claim = memory.claim.bind(memory);
    let carryOn!: () => void;
    const held = new Promise<void>((resolve) => {
      carryOn = resolve;
    });
    let claimed = false;
    memory.claim = async (...asked) => {
      await held;
      const results = await claim(...asked);
      claimed = true;
      return results;
    };
    const one = await start({ store: memory });
    const granted = await call(sidecar.url, "POST", "/v1/semaphores/api/acquire", {
      body: { limit: 1, leaseMs: 600 },
    });
    one.send({ op: "claim", leases: [{ semaphore: "api", lease: granted.body.lease }] });
    await one.ask({ op: "ping" });
    one.vanish();
    await until(() => sidecar.sessionsOpen === 0, { what: "the end of the session" });
    carryOn();
    await until(() => claimed, { what: "the claim" });
    await becomes("it has lapsed", ({ inUse, lapsesTotal }) => inUse === 0 && lapsesTotal === 1);
  });

  it("behind a proxy leaves to its time what it was granted again", async () => {
    const memory = memoryStore();
    sidecar = await startTestSidecar({ store: shared(memory) });
    const other = await startTestSidecar({ store: shared(memory) });
    try {
      const asking = { op: "acquire", semaphore: "api", limit: 1, leaseMs: 600, idempotencyKey: "k" };
      const [holder, late] = [
        await RawSession.open(other.url),
        await RawSession.open(sidecar.url, { headers: { "x-forwarded-for": "192.0.2.1" } }),
      ];
      const { lease } = await holder.ask<{ lease: string }>(asking);
      // An old request that has come at last, by a way that its client has given up.
      expect(await late.ask(asking)).toMatchObject({ lease });
      late.vanish();
      await until(() => sidecar.sessionsOpen === 0, { what: "the end of the session" });
      const endedAt = performance.now();
      await until(() => performance.now() > endedAt + 1_500, { what: "more than two leases" });
      expect((await memory.inspect("api"))?.leases).toMatchObject([{ lease }]);
    } finally {
      await other.close();
      await memory.close();
    }
  });

  it("leaves nothing kept of a claim that was refused as a whole", async () => {
    const memory = memoryStore();
    const claim = memory.claim.bind(memory);
    memory.claim = (semaphore, claims) =>
      semaphore === "bad" ? Promise.reject(new StoreUnavailableError("away")) : claim(semaphore, claims);
    const one = await start({ store: memory });
    const granted = await call(sidecar.url, "POST", "/v1/semaphores/api/acquire", {
      body: { limit: 1, leaseMs: 300 },
    });
    const { lease } = granted.body;
    const leases = [
      { semaphore: "api", lease },
      { semaphore: "bad", lease },
    ];
    expect(await one.problemTo({ op: "claim", leases })).toMatchObject({ code: "STORE_UNAVAILABLE" });
    await becomes("it has lapsed", ({ inUse, lapsesTotal }) => inUse === 0 && lapsesTotal === 1);
  });

  it("waits for the end that somebody was told of who renewed its lease by name", async () => {
    const one = await start();
    const { lease } = await one.acquire("api", { leaseMs: 100 });
    const body = { leases: [lease], leaseMs: 900 };
    await call(sidecar.url, "POST", "/v1/semaphores/api/renew", { body });
    const renewedAt = performance.now();
    one.vanish();
    await becomes("it is given back", ({ inUse }) => inUse === 0);
    expect(performance.now() - renewedAt).toBeGreaterThan(850);
  });

  it("because it says what cannot be read is kept for as long as its client may believe", async () => {
    const one = await start();
    await one.acquire("api", { leaseMs: 600 });
    one.socket.send("x".repeat(300_000));
    await until(() => sidecar.sessionsOpen === 0, { what: "the cut" });
    const cutAt = performance.now();
    await becomes("it is given back", ({ inUse }) => inUse === 0);
    expect(performance.now() - cutAt).toBeGreaterThan(300);
  });

  it.each([
    ["tells another end of the connection than the sidecar sees", { "sluice-client-end": "127.0.0.1:1" }],
    ["asks for another port than it has come to", { host: "127.0.0.1:1" }],
  ])("is not taken for one on loopback where its client %s", async (_how, headers) => {
    sidecar = await startTestSidecar();
    const one = await RawSession.open(sidecar.url, { headers });
    expect(one.events[0]).toMatchObject({ graceMs: 10_000 });
  });

  it("without a word gives its permits to those who wait, long before they would lapse", async () => {
    const one = await start();
    await one.acquire("api", { leaseMs: 15_000 });
    const two = await session();
    const waits = two.send({ op: "acquire", semaphore: "api", waitMs: 60_000 });
    await becomes("one waits", ({ waiting }) => waiting === 1);
    const endedAt = performance.now();
    one.vanish();
    expect(await two.answerTo(waits)).toMatchObject({ ok: true });
    expect(performance.now() - endedAt).toBeLessThan(5_000);
    const { text } = await call(sidecar.url, "GET", "/metrics");
    expect(text).toMatch(/sluice_releases_total\{[^}]*reason="disconnect"[^}]*\} 1/);
  });

  it("leaves its leases to their time where its client asks for that", async () => {
    const one = await start();
    await one.acquire("api", { leaseMs: 600 });
    await one.goodbye(4000);
    expect((await look()).inUse).toBe(1);
    await becomes("it has lapsed", ({ inUse, lapsesTotal }) => inUse === 0 && lapsesTotal === 1);
  });

  it("takes its waiting acquires out of the queue", async () => {
    const one = await start();
    const two = await session();
    await one.acquire("api");
    two.send({ op: "acquire", semaphore: "api", waitMs: 60_000 });
    two.send({ op: "acquire", semaphore: "api", waitMs: 60_000, idempotencyKey: "k" });
    await becomes("two wait", ({ waiting }) => waiting === 2);
    two.vanish();
    await becomes("nobody waits", ({ waiting }) => waiting === 0);
  });

  it("has its leases claimed by the next one, which keeps them", async () => {
    const one = await start();
    const granted = await one.acquire("api", { leaseMs: 400 });
    const two = await session();
    one.vanish();
    const claimed = await two.ask<{ leases: unknown[] }>({
      op: "claim",
      leases: [{ semaphore: "api", lease: granted.lease }],
    });
    expect(claimed.leases).toEqual([
      { semaphore: "api", lease: granted.lease, claimed: true, expiresInMs: expect.any(Number) },
    ]);
    await until(() => two.events.filter(({ event }) => event === "valid").length >= 4, { what: "renewals" });
    expect((await look()).leases).toMatchObject([{ lease: granted.lease, fence: granted.fence }]);
    two.vanish();
    await becomes("it is given back", ({ inUse, lapsesTotal }) => inUse === 0 && lapsesTotal === 0);
  });

  it("tells the next one which leases were not there to be claimed", async () => {
    const one = await start();
    const { lease } = await one.acquire("api");
    const answer = await one.ask<{ leases: unknown[] }>({
      op: "claim",
      leases: [
        { semaphore: "none", lease: "nobody" },
        { semaphore: "api", lease },
        { semaphore: "api", lease: "never" },
      ],
    });
    expect(answer.leases).toMatchObject([
      { lease: "nobody", claimed: false, expiresInMs: 0, reason: "lapsed" },
      { lease, claimed: true },
      { lease: "never", claimed: false, reason: "lapsed" },
    ]);
  });

  it("does not undo what was claimed through another sidecar before this one noticed", async () => {
    const memory = memoryStore();
    const one = await start({ store: shared(memory) });
    const other = await startTestSidecar({ store: shared(memory) });
    try {
      const granted = await one.acquire("api", { leaseMs: 2_000 });
      const elsewhere = await RawSession.open(other.url);
      const leases = [{ semaphore: "api", lease: granted.lease }];
      expect(await elsewhere.ask({ op: "claim", leases })).toMatchObject({ leases: [{ claimed: true }] });
      await one.goodbye();
      await until(() => sidecar.sessionsOpen === 0, { what: "the end of the first session" });
      await elsewhere.ask({ op: "ping" });
      expect((await memory.inspect("api"))?.leases).toMatchObject([{ lease: granted.lease }]);
      elsewhere.vanish();
      await until(async () => (await memory.inspect("api"))?.inUse === 0, { what: "it is given back" });
    } finally {
      await other.close();
      await memory.close();
    }
  });

  it("may have its leases renewed over HTTP, where it can have no other session", async () => {
    const one = await start();
    const granted = await one.acquire("api", { leaseMs: 1_000 });
    const body = { leases: [{ lease: granted.lease, permits: 1, fence: granted.fence, leaseMs: 1_000 }] };
    const renewed = await call(sidecar.url, "POST", "/v1/semaphores/api/renew", { body });
    expect(renewed.body).toMatchObject({ leases: [{ lease: granted.lease, renewed: true }] });
    expect(sidecar.leasesHeld).toBe(1);
    // The session renews it no more.
    await becomes("it has lapsed", ({ inUse, lapsesTotal }) => inUse === 0 && lapsesTotal === 1);
  });

  it("because it does not read is cut off, and its leases are kept for as long as it may believe in them", async () => {
    const one = await start();
    await one.acquire("api", { leaseMs: 5_000 });
    one.socket.pause();
    const askedAt = performance.now();
    // Answers that nobody reads: hundreds of bytes for each of these.
    const asked = setInterval(() => {
      for (let count = 0; count < 2_000; count++)
        one.send({ op: "release", semaphore: "api", lease: "x".repeat(100), bad: 1 });
    }, 1);
    await until(() => sidecar.sessionsOpen === 0, { what: "the cut", timeoutMs: 15_000 });
    clearInterval(asked);
    const cutAt = performance.now();
    expect(cutAt - askedAt).toBeLessThan(15_000);
    expect((await look()).inUse).toBe(1);
    await becomes("it is given back", ({ inUse }) => inUse === 0, 10_000);
    // Much longer than the 20 ms after which a client that knows of the end has stopped believing.
    expect(performance.now() - cutAt).toBeGreaterThan(1_000);
    one.vanish();
  }, 30_000);

  it("because its client has said nothing for a minute, not even to a ping, is cut off", async () => {
    sidecar = await startTestSidecar();
    const clock = performance.now;
    const one = await RawSession.open(sidecar.url, { autoPong: false });
    const other = await session();
    let pings = 0;
    one.socket.on("ping", () => {
      pings += 1;
    });
    try {
      performance.now = () => clock.call(performance) + 30_000;
      await until(() => pings > 0, { what: "a ping" });
      await other.ask({ op: "ping" });
      performance.now = () => clock.call(performance) + 61_000;
      await until(() => one.closeCode !== undefined, { what: "the cut" });
    } finally {
      performance.now = clock;
    }
    await other.ask({ op: "ping" });
  });

  it("keeps its leases for a whole lease when a proxy may stand between", async () => {
    sidecar = await startTestSidecar();
    const one = await RawSession.open(sidecar.url, { headers: { "x-forwarded-for": "192.0.2.1" } });
    expect(one.events[0]).toMatchObject({ graceMs: 10_000 });
    await one.acquire("api", { leaseMs: 700 });
    const endedAt = performance.now();
    one.vanish();
    await becomes("it is given back", ({ inUse }) => inUse === 0);
    expect(performance.now() - endedAt).toBeGreaterThan(650);
    expect((await look()).lapsesTotal).toBe(0);
  });
});

describe("a session that has ended before its sidecar ends", () => {
  it("has nothing given back from then on, since nobody listens there to whoever would claim it", async () => {
    const memory = memoryStore();
    sidecar = await startTestSidecar({ store: shared(memory) });
    const behind = { headers: { "x-forwarded-for": "192.0.2.1" } };
    const one = await RawSession.open(sidecar.url, behind);
    await one.acquire("api", { leaseMs: 400 });
    const straggler = call(sidecar.url, "POST", "/v1/semaphores/api/acquire", { body: { waitMs: 60_000 } });
    one.vanish();
    const lastsMs = async () => {
      const [held] = (await memory.inspect("api"))?.leases ?? [];
      return (held?.heldMs ?? 0) + (held?.expiresInMs ?? 0);
    };
    await until(async () => (await lastsMs()) > 450, { what: "a renewal after the end of the session" });
    const ending = sidecar.close();
    await until(async () => (await memory.inspect("api"))?.inUse === 0, { what: "the end of the lease" });
    expect((await memory.inspect("api"))?.lapsesTotal).toBe(1);
    await Promise.all([ending, straggler]);
    await memory.close();
  });
});

describe("a token that is withdrawn", () => {
  it("ends every connection that lasts", async () => {
    using folder = new Folder();
    const all = ["session", "hold", "events", "kept"].map((name) => ({
      name,
      token: `${name}-0123456789abcdef`,
      scopes: ["use", "read"],
    }));
    const file = (tokens: readonly object[]) => folder.write("tokens.json", JSON.stringify({ tokens }));
    sidecar = await startTestSidecar({ environment: { SLUICE_TOKENS_FILE: file(all) } });
    const bearer = (name: string) => ({ authorization: `Bearer ${name}-0123456789abcdef` });
    const session = (name: string) => RawSession.open(sidecar.url, { headers: bearer(name) });
    const [kept, withdrawn] = [await session("kept"), await session("session")];
    const held = await OpenStream.open(sidecar.url, "POST", "/v1/semaphores/api/hold", {
      body: { limit: 1, leaseMs: 500 },
      headers: bearer("hold"),
    });
    const events = await OpenStream.open(sidecar.url, "GET", "/v1/events", { headers: bearer("events") });
    file(all.slice(3));
    sidecar.reload();
    await until(() => withdrawn.closeCode !== undefined && held.ended && events.ended, {
      what: "their ends",
    });
    await kept.ask({ op: "ping" });
    await becomes("the permit is back", ({ inUse }) => inUse === 0);
  });
});

describe("a message", () => {
  it("that is no JSON is answered, and the session goes on", async () => {
    const one = await start();
    one.socket.send("{");
    expect(problemOf(await one.answerTo(null))).toMatchObject({ code: "INVALID_ARGUMENT" });
    await one.ask({ op: "ping" });
  });

  it("in binary is answered, and the session goes on", async () => {
    const one = await start();
    one.socket.send(Buffer.from([1, 2, 3]), { binary: true });
    expect(problemOf(await one.answerTo(null)).detail).toMatch(/text/);
    await one.ask({ op: "ping" });
  });

  it("that asks for nothing known is told each fault under its own id", async () => {
    const one = await start();
    expect(await one.problemTo({ op: "dance" })).toMatchObject({
      code: "INVALID_ARGUMENT",
      detail: expect.stringMatching(/op/),
    });
    expect(await one.problemTo({ op: "acquire", semaphore: "../x", permits: 0, colour: 1 })).toMatchObject({
      errors: expect.arrayContaining([expect.objectContaining({ argument: "colour" })]),
    });
    one.socket.send(JSON.stringify({ id: { a: 1 }, op: "ping" }));
    expect(problemOf(await one.answerTo(null)).errors).toMatchObject([{ argument: "id" }]);
  });

  it("that bears the id of an acquire that waits is refused", async () => {
    const one = await start();
    await one.acquire("api");
    one.socket.send(JSON.stringify({ id: "same", op: "acquire", semaphore: "api", waitMs: 60_000 }));
    await becomes("one waits", ({ waiting }) => waiting === 1);
    one.socket.send(JSON.stringify({ id: "same", op: "acquire", semaphore: "api", waitMs: 60_000 }));
    expect(problemOf(await one.answerTo("same"))).toMatchObject({ code: "INVALID_ARGUMENT" });
    expect((await look()).waiting).toBe(1);
  });

  it("that comes while a thousand others are under way is not read before some are answered", async () => {
    const memory = memoryStore();
    const release = memory.release.bind(memory);
    let asked = 0;
    let open!: () => void;
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    memory.release = async (request) => {
      asked += 1;
      await opened;
      return release(request);
    };
    const one = await start({ store: memory });
    const other = await session();
    let last = 0;
    for (let count = 0; count < 20_000; count++) {
      last = one.send({ op: "release", semaphore: "api", lease: `x${count}` });
    }
    await until(() => asked >= 1_000, { what: "a thousand releases" });
    await other.ask({ op: "ping" });
    // What was read in one piece with the thousandth is served.
    expect(asked).toBeLessThan(8_000);
    open();
    expect(await one.answerTo(last)).toMatchObject({ ok: true, released: false });
    expect(asked).toBe(20_000);
  });

  it("that asks without waiting counts among those that are under way", async () => {
    const memory = memoryStore();
    let asked = 0;
    memory.acquire = () => {
      asked += 1;
      return new Promise(() => {});
    };
    const one = await start({ store: memory });
    const other = await session();
    for (let count = 0; count < 20_000; count++) one.send({ op: "acquire", semaphore: "api", limit: 1 });
    await until(() => asked >= 1_000, { what: "a thousand acquires" });
    await other.ask({ op: "ping" });
    // What was read in one piece with the thousandth is served.
    expect(asked).toBeLessThan(8_000);
    one.vanish();
  });

  it("that is too large ends its session alone", async () => {
    const one = await start();
    const other = await session();
    one.socket.send("x".repeat(300_000));
    await until(() => one.closeCode !== undefined, { what: "the end" });
    expect(one.closeCode).toBe(1009);
    await other.ask({ op: "ping" });
  });
});

describe("a sidecar that ends", () => {
  it("tells its sessions, grants nothing more, keeps what they hold, and ends with the last of it", async () => {
    const one = await start();
    const { lease } = await one.acquire("api", { leaseMs: 300 });
    const waits = one.send({ op: "acquire", semaphore: "api", waitMs: 60_000 });
    await becomes("one waits", ({ waiting }) => waiting === 1);
    const drained = sidecar.drain();
    await one.event("draining");
    expect(problemOf(await one.answerTo(waits))).toMatchObject({ code: "STORE_UNAVAILABLE" });
    expect(await one.problemTo({ op: "acquire", semaphore: "api" })).toMatchObject({
      code: "STORE_UNAVAILABLE",
    });
    await expect(session()).rejects.toThrow(/503/);
    await until(() => one.events.filter(({ event }) => event === "valid").length >= 4, { what: "renewals" });
    await one.ask({ op: "release", semaphore: "api", lease });
    await drained;
    await until(() => one.closeCode !== undefined, { what: "the end" });
    expect(one.closeCode).toBe(1012);
  });

  it("gives back nothing that a client may still believe in", async () => {
    const memory = memoryStore();
    const one = await start({ store: shared(memory) });
    await one.acquire("api", { leaseMs: 500 });
    await sidecar.close();
    expect((await memory.inspect("api"))?.inUse).toBe(1);
    await until(async () => (await memory.inspect("api"))?.lapsesTotal === 1, { what: "its lapse" });
    await memory.close();
  });
});

/** The same store behind more than one sidecar, none of which ends it. */
function shared(store: Store): Store {
  return new Proxy(store, {
    get: (target, name) => {
      if (name === "close") return async () => {};
      const value = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
