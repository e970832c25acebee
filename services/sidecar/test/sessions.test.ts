import { once } from "node:events";
import { type Renewal, StoreUnavailableError } from "@sluice/core";
import { memoryStore } from "@sluice/core/memory";
import { until } from "@sluice/testkit";
import { afterEach, describe, expect, it } from "vitest";
import { call } from "./http.js";
import { problemOf } from "./session-client.js";
import { SessionScene } from "./session-scene.js";

const scene = new SessionScene();

afterEach(() => scene.close());

describe("a session", () => {
  it("is told at first who it is, and for how long it may be away", async () => {
    const { events } = await scene.start();
    expect(events[0]).toEqual({
      event: "session",
      session: expect.stringMatching(/^[\w-]{22}$/),
      sidecar: expect.stringMatching(/^[\w-]{22}$/),
      graceMs: 20,
    });
  });

  it("acquires and releases as HTTP does, with the same fields", async () => {
    const one = await scene.start();
    const granted = await one.ask({
      op: "acquire",
      semaphore: "api",
      limit: 2,
      permits: 2,
      leaseMs: 5_000,
      holder: "me",
    });
    expect(granted).toMatchObject({ ok: true, semaphore: "api", permits: 2, leaseMs: 5_000, limit: 2 });
    expect((await scene.look()).leases).toMatchObject([{ permits: 2, holder: "me" }]);
    expect(await one.ask({ op: "release", semaphore: "api", lease: granted.lease })).toMatchObject({
      released: true,
    });
    expect(await one.ask({ op: "release", semaphore: "api", lease: granted.lease })).toMatchObject({
      released: false,
    });
    expect((await scene.look()).inUse).toBe(0);
  });

  it("answers in whatever order things happen", async () => {
    const one = await scene.start();
    const { lease } = await one.acquire("api");
    const waits = one.send({ op: "acquire", semaphore: "api", waitMs: 60_000 });
    await one.ask({ op: "ping" });
    await one.ask({ op: "release", semaphore: "api", lease });
    expect(await one.answerTo(waits)).toMatchObject({ ok: true, permits: 1 });
  });

  it("is refused with the problems that HTTP has", async () => {
    const one = await scene.start();
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
    const one = await scene.start();
    const { lease } = await one.acquire("api", { leaseMs: 1_200 });
    await until(() => one.events.filter(({ event }) => event === "valid").length >= 5, {
      what: "five renewals",
    });
    expect((await scene.look()).leases).toMatchObject([{ lease }]);
    expect((await scene.look()).lapsesTotal).toBe(0);
    const valid = await one.event("valid");
    const pong = await one.ask<{ at: number }>({ op: "ping" });
    expect(valid.at).toBeLessThanOrEqual(pong.at);
    expect(valid.validForMs).toBeGreaterThan(0);
    expect(valid.validForMs).toBeLessThanOrEqual(1_200);
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
    const one = await scene.start({ store: memory });
    await one.acquire("api", { leaseMs: 900, limit: 9 });
    await one.acquire("api", { leaseMs: 1_300, limit: 9 });
    await until(() => one.events.filter(({ event }) => event === "valid").length >= 8, { what: "renewals" });
    for (const event of one.events) {
      if (event.event === "valid")
        expect(event.at + event.validForMs).toBeLessThanOrEqual(Math.max(...confirmed));
    }
  });

  it("is told of a short lease beside a long one, which was told to be valid for longer", async () => {
    const one = await scene.start();
    await one.acquire("long", { leaseMs: 3_000 });
    await one.event("valid");
    await one.acquire("short", { leaseMs: 1_200 });
    const from = (await one.ask<{ at: number }>({ op: "ping" })).at;
    const told = () => one.events.filter((event) => event.event === "valid").filter(({ at }) => at > from);
    await until(() => told().length >= 4, { what: "four words" });
    const gaps = told().map(({ at }, index) => at - (told()[index - 1]?.at ?? from));
    // At no moment is the short one without a word that it is valid.
    expect(Math.max(...gaps)).toBeLessThan(1_200);
  });

  it("is told how long a long lease is valid when a short one beside it has ended", async () => {
    const memory = memoryStore();
    const renew = memory.renew.bind(memory);
    const renewed: string[] = [];
    memory.renew = (semaphore, renewals) => {
      renewed.push(semaphore);
      return renew(semaphore, renewals);
    };
    const one = await scene.start({ store: memory });
    await one.acquire("long", { leaseMs: 15_000 });
    const { lease } = await one.acquire("short", { leaseMs: 900 });
    await until(() => one.events.filter(({ event }) => event === "valid").length >= 2, { what: "renewals" });
    await one.ask({ op: "release", semaphore: "short", lease });
    await until(() => one.events.some((event) => event.event === "valid" && event.validForMs > 5_000), {
      what: "a word on the long one",
    });
    // With its own renewal that word would have come in any case.
    expect(renewed).not.toContain("long");
  });

  it("hears of a lease that somebody else has released, and is told no more that it is valid", async () => {
    const one = await scene.start();
    const { lease } = await one.acquire("api", { leaseMs: 5_000 });
    await call(scene.sidecar.url, "POST", "/v1/semaphores/api/release", { body: { lease } });
    expect(await one.event("lost")).toMatchObject({ lease, reason: "lapsed" });
    const again = await one.acquire("api", { leaseMs: 5_000 });
    await one.ask({ op: "release", semaphore: "api", lease: again.lease });
    // What it has released itself is no news.
    await one.ask({ op: "ping" });
    expect(one.events.filter(({ event }) => event === "lost")).toHaveLength(1);
  });

  it("hears at once of a lease that an operator revokes, and gives it back by releasing it", async () => {
    const one = await scene.start();
    const { lease } = await one.acquire("api");
    await call(scene.sidecar.url, "DELETE", `/v1/semaphores/api/leases/${lease}`);
    expect(await one.event("lost")).toEqual({ event: "lost", semaphore: "api", lease, reason: "revoked" });
    expect((await scene.look()).inUse).toBe(1);
    await one.ask({ op: "release", semaphore: "api", lease });
    expect((await scene.look()).inUse).toBe(0);
  });

  it("hears of a lease that lapsed because the store was away, and of no other", async () => {
    const memory = memoryStore();
    const renew = memory.renew.bind(memory);
    memory.renew = (semaphore: string, renewals: readonly Renewal[]) =>
      semaphore === "api" ? Promise.reject(new StoreUnavailableError("away")) : renew(semaphore, renewals);
    const one = await scene.start({ store: memory });
    const { lease } = await one.acquire("api", { leaseMs: 1_200 });
    await one.acquire("other", { leaseMs: 1_200 });
    expect(await one.event("lost")).toMatchObject({ semaphore: "api", lease, reason: "lapsed" });
    expect((await scene.look("other")).inUse).toBe(1);
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
    const first = await scene.start({ store: memory });
    const sessions = [first, ...(await Promise.all(Array.from({ length: 19 }, () => scene.session())))];
    const leaseMs = 1_500;
    await Promise.all(
      sessions.flatMap((one) => ["a", "b"].map((name) => one.acquire(name, { limit: 1_000, leaseMs }))),
    );
    const ofA = () => calls.filter(({ semaphore }) => semaphore === "a");
    await until(() => ofA().filter(({ leases }) => leases === 20).length >= 2, {
      what: "two rounds",
      timeoutMs: 10_000,
    });
    const from = calls.at(-1)?.at ?? 0;
    const to = from + 2 * leaseMs;
    await until(() => performance.now() > to, { what: "two leases", timeoutMs: 10_000 });
    const later = ofA().filter(({ at }) => at > from && at <= to);
    // Six intervals of a third of a lease, and one at the edge.
    expect(later.length).toBeLessThanOrEqual(7);
    expect(later.every(({ leases }) => leases === 20)).toBe(true);
  }, 30_000);

  it("takes a waiting acquire out of the queue when it is cancelled, and says so of both", async () => {
    const one = await scene.start();
    await one.acquire("api");
    const waits = one.send({ op: "acquire", semaphore: "api", waitMs: 60_000, idempotencyKey: "k" });
    await scene.becomes("one waits", ({ waiting }) => waiting === 1);
    expect(await one.ask({ op: "cancel", request: waits })).toMatchObject({ cancelled: true });
    expect(problemOf(await one.answerTo(waits))).toMatchObject({ code: "ACQUIRE_ABORTED" });
    await scene.becomes("nobody waits", ({ waiting }) => waiting === 0);
    expect(await one.ask({ op: "cancel", request: waits })).toMatchObject({ cancelled: false });
  });

  it("can cancel an acquire in the same breath", async () => {
    const one = await scene.start();
    const asked = one.send({ op: "acquire", semaphore: "api", limit: 1, idempotencyKey: "k" });
    one.send({ op: "cancel", request: asked });
    expect(problemOf(await one.answerTo(asked)).code).toBe("ACQUIRE_ABORTED");
    const other = await scene.session();
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
    const one = await scene.start({ store: memory });
    const late = { op: "acquire", semaphore: "api", limit: 5, waitMs: 60_000, holder: "late" };
    const asked = one.send(late);
    await scene.becomes("it is granted", ({ inUse }) => inUse === 1);
    await one.ask({ op: "cancel", request: asked });
    await scene.becomes("it is given back", ({ inUse }) => inUse === 0);
    one.send(late);
    await scene.becomes("another is granted", ({ inUse }) => inUse === 1);
    one.vanish();
    await scene.becomes(
      "that is given back too",
      ({ inUse, lapsesTotal }) => inUse === 0 && lapsesTotal === 0,
    );
    expect(one.answers.filter(({ id }) => id === asked)).toHaveLength(1);
    expect(scene.sidecar.leasesHeld).toBe(0);
  });

  it("gets the same lease for the same key, also in another session, which has it from then on", async () => {
    const one = await scene.start();
    const asking = { op: "acquire", semaphore: "api", limit: 1, idempotencyKey: "k" };
    const { lease } = await one.ask<{ lease: string }>(asking);
    const two = await scene.session();
    expect(await two.ask(asking)).toMatchObject({ lease });
    expect(await one.event("lost")).toMatchObject({ lease, reason: "lapsed" });
    await one.goodbye();
    expect((await scene.look()).leases).toMatchObject([{ lease }]);
    two.vanish();
    await scene.becomes("it is given back", ({ inUse }) => inUse === 0);
  });
});
