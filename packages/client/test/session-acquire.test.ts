import type { Store } from "@sluice/core";
import { until } from "@sluice/testkit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sidecarStore } from "../src/index.js";
import { request } from "./acquires.js";
import { blockLoop } from "./block-loop.js";
import type { FakeSession } from "./fake-sessions.js";
import { FakeSidecar, json, timeout } from "./fake-sidecar.js";

const unavailable = { code: "STORE_UNAVAILABLE" };
const ANSWER_MS = 1_000;
const released = json(200, { released: true });

let sidecar: FakeSidecar;
let store: Store;
let url: string;

beforeEach(async () => {
  sidecar = new FakeSidecar(released);
  url = await sidecar.listen();
  store = sidecarStore(url, { token: "t0ken", answerMs: ANSWER_MS });
});

afterEach(async () => {
  await store.close();
  await sidecar.close();
});

/** From now on every release and cancel of it is answered. */
function obliging(session: FakeSession): FakeSession {
  session.onMessage = (message) => {
    if (message.op === "release") session.answer(message, { released: true });
    if (message.op === "cancel") session.answer(message, { cancelled: false });
  };
  return session;
}

describe("an acquire in a session", () => {
  it("says all that was asked for, under a key of its own", async () => {
    const create = { limit: 3, leaseMs: 7_000, maxWaiters: 9 };
    const asked = store.acquire(request({ permits: 2, priority: 5, leaseMs: 4_000, create }));
    const session = await sidecar.sessions.open();
    const message = await session.heard("acquire");
    expect(session.path).toBe("/v1/session");
    expect(session.headers).toMatchObject({
      authorization: "Bearer t0ken",
      "sec-websocket-protocol": "sluice.v1",
    });
    expect(message).toEqual({
      id: expect.any(Number),
      op: "acquire",
      semaphore: "api",
      idempotencyKey: "the-key",
      permits: 2,
      priority: 5,
      waitMs: 0,
      leaseMs: 4_000,
      holder: "test",
      limit: 3,
      create: { leaseMs: 7_000, maxWaiters: 9 },
    });
    session.grant(message);
    expect(await asked).toMatchObject({ outcome: "granted", lease: "lease-of-the-key", fence: 7, limit: 3 });
  });

  it("tells the sidecar which end of the connection is ours", async () => {
    void store.acquire(request({ waitMs: 300 })).catch(() => {});
    const session = await sidecar.sessions.open();
    expect(session.headers["sluice-client-end"]).toBe(session.clientEnd);
  });

  it("heeds what has arrived before it takes the opening for too late", async () => {
    sidecar.sessions.onOpen = (session) => {
      session.onMessage = (message) => session.grant(message);
      // The session has begun when that is over, but nobody could read it.
      process.nextTick(() => blockLoop(ANSWER_MS + 200));
    };
    expect(await store.acquire(request({ waitMs: 30_000 }))).toMatchObject({ outcome: "granted" });
    expect(sidecar.sessions.attempts).toBe(1);
  });

  it("counts the lease by the sidecar's clock, however late its answer is read", async () => {
    const waiting = store.acquire(request({ waitMs: 10_000 }));
    const session = await sidecar.sessions.open();
    const message = await session.heard("acquire");
    const at = session.now;
    const answeredAt = performance.now();
    setTimeout(() => session.grant(message, { at, expiresInMs: 5_000 }), 300);
    const result = await waiting;
    if (result.outcome !== "granted") throw new Error(result.outcome);
    expect(performance.now() - answeredAt).toBeGreaterThan(290);
    expect(result.validUntil).toBeLessThanOrEqual(answeredAt + 5_000);
    expect(result.validUntil).toBeGreaterThan(answeredAt + 4_000);
  });

  it("goes in call order, with others of its turn in one write", async () => {
    const keys = Array.from({ length: 50 }, (_, index) => `key-${index}`);
    const asked = keys.map((lease) => store.acquire(request({ lease, waitMs: 10_000 })));
    const session = await sidecar.sessions.open();
    await session.heard("acquire", 50);
    expect(session.all("acquire").map(({ idempotencyKey }) => idempotencyKey)).toEqual(keys);
    for (const message of session.all("acquire")) session.grant(message);
    for (const result of await Promise.all(asked)) expect(result).toMatchObject({ outcome: "granted" });
  });

  it("says what the sidecar refuses", async () => {
    const refusals = [
      ["QUEUE_FULL", { outcome: "queue_full", limit: 3, maxWaiters: 9 }],
      ["PERMITS_EXCEED_LIMIT", { outcome: "exceeds_limit", limit: 3 }],
      ["SEMAPHORE_UNKNOWN", { outcome: "unknown" }],
      ["RECOVERING", { outcome: "recovering", retryAfterMs: 40 }],
      ["ACQUIRE_TIMEOUT", { outcome: "timeout", limit: 3 }],
    ] as const;
    let number = 0;
    for (const [code, outcome] of refusals) {
      number += 1;
      const asked = store.acquire(request());
      const session = await sidecar.sessions.open();
      session.refuse(await session.heard("acquire", number), code, {
        limit: 3,
        maxWaiters: 9,
        retryAfterMs: 40,
      });
      expect(await asked).toEqual(outcome);
    }
  });

  it("asks again for a long wait, and at its end leaves the queue", async () => {
    const asked = store.acquire(request({ waitMs: Number.POSITIVE_INFINITY }));
    const session = await sidecar.sessions.open();
    session.refuse(await session.heard("acquire"), "ACQUIRE_TIMEOUT", { limit: 3 });
    const again = await session.heard("acquire", 2);
    expect(again).toMatchObject({ idempotencyKey: "the-key", waitMs: 300_000 });
    // Once there is a session: a wait that ends before that is over.
    const short = store.acquire(request({ lease: "short", waitMs: 30 }));
    const ending = await session.heard("acquire", 3);
    setTimeout(() => session.refuse(ending, "ACQUIRE_TIMEOUT", { limit: 3 }), 40);
    const last = await session.heard("acquire", 4);
    expect(last).toMatchObject({ idempotencyKey: "short", waitMs: 0 });
    session.refuse(last, "ACQUIRE_TIMEOUT", { limit: 3 });
    expect(await short).toEqual({ outcome: "timeout", limit: 3 });
    session.grant(again);
    expect(await asked).toMatchObject({ outcome: "granted" });
  });

  it("is the same acquire again, in call order, after its session was cut", async () => {
    const keys = ["first", "second", "third"];
    const asked = keys.map((lease) => store.acquire(request({ lease, waitMs: 10_000 })));
    const session = await sidecar.sessions.open();
    await session.heard("acquire", 3);
    session.cut();
    const next = await sidecar.sessions.open(2);
    await next.heard("acquire", 3);
    expect(next.all("acquire").map(({ idempotencyKey }) => idempotencyKey)).toEqual(keys);
    const withoutWait = ({ id, waitMs, ...rest }: Record<string, unknown>) => rest;
    expect(next.all("acquire").map(withoutWait)).toEqual(session.all("acquire").map(withoutWait));
    expect(Number(next.all("acquire")[0]?.waitMs)).toBeLessThanOrEqual(10_000);
    for (const message of next.all("acquire")) next.grant(message);
    for (const result of await Promise.all(asked)) expect(result).toMatchObject({ outcome: "granted" });
  });

  it("takes its place back from an earlier try of its own that came late, and from nobody else", async () => {
    const asked = store.acquire(request({ waitMs: 10_000 }));
    const session = await sidecar.sessions.open();
    await session.heard("acquire");
    session.cut();
    const next = await sidecar.sessions.open(2);
    next.refuse(await next.heard("acquire"), "REQUEST_SUPERSEDED");
    next.refuse(await next.heard("acquire", 2), "REQUEST_SUPERSEDED");
    expect(await asked).toEqual({ outcome: "superseded" });
  });

  it("is asked again while the sidecar's store is away, until its wait is over", async () => {
    const asked = store.acquire(request({ waitMs: 10_000 }));
    const session = await sidecar.sessions.open();
    session.refuse(await session.heard("acquire"), "STORE_UNAVAILABLE");
    session.refuse(await session.heard("acquire", 2), "STORE_UNAVAILABLE");
    session.grant(await session.heard("acquire", 3));
    expect(await asked).toMatchObject({ outcome: "granted" });
  });

  it("that does not wait fails at once where the session is cut, and is undone", async () => {
    const asked = expect(store.acquire(request())).rejects.toMatchObject(unavailable);
    const session = await sidecar.sessions.open();
    await session.heard("acquire");
    session.cut();
    await asked;
    const undoing = await until(() => sidecar.asked[0], { what: "the undoing" });
    expect(undoing.headers["idempotency-key"]).toBe("the-key");
    expect(undoing.body).toMatchObject({ waitMs: 0 });
  });

  it("that does not wait fails at once where nobody listens", async () => {
    await sidecar.close();
    const askedAt = performance.now();
    await expect(store.acquire(request())).rejects.toMatchObject({
      ...unavailable,
      message: expect.stringContaining("ECONNREFUSED"),
    });
    expect(performance.now() - askedAt).toBeLessThan(1_000);
  });

  it("fails when there is still no session at the end of its wait", async () => {
    await sidecar.close();
    const askedAt = performance.now();
    await expect(store.acquire(request({ waitMs: 300 }))).rejects.toMatchObject(unavailable);
    expect(performance.now() - askedAt).toBeGreaterThanOrEqual(295);
    expect(performance.now() - askedAt).toBeLessThan(2_000);
  });

  it("fails when it is not answered, and takes back what it is granted then", async () => {
    const first = store.acquire(request({ lease: "first" }));
    const session = obliging(await sidecar.sessions.open());
    session.grant(await session.heard("acquire"));
    await first;
    // Once there is a session: a wait that ends before that is over.
    const asked = expect(store.acquire(request({ waitMs: 50 }))).rejects.toMatchObject(unavailable);
    const message = await session.heard("acquire", 2);
    await asked;
    const cancel = await session.heard("cancel");
    expect(cancel.request).toBe(message.id);
    session.grant(message);
    expect(await session.heard("release")).toMatchObject({ semaphore: "api", lease: "lease-of-the-key" });
  });

  it("finds a sidecar that is started while it waits", async () => {
    const port = Number(new URL(url).port);
    await sidecar.close();
    const asked = store.acquire(request({ waitMs: Number.POSITIVE_INFINITY }));
    const down = new Promise((resolve) => store.observe({ availability: resolve }));
    expect(await down).toMatchObject({ up: false });
    sidecar = new FakeSidecar(released);
    await sidecar.listen(port);
    const session = await sidecar.sessions.open();
    session.grant(await session.heard("acquire"));
    expect(await asked).toMatchObject({ outcome: "granted" });
  });
});

describe("an acquire in a session that is aborted", () => {
  it("leaves the queue by a cancel", async () => {
    const controller = new AbortController();
    const asked = store.acquire(request({ waitMs: 30_000 }), controller.signal);
    const session = await sidecar.sessions.open();
    const message = await session.heard("acquire");
    controller.abort();
    const cancel = await session.heard("cancel");
    expect(cancel.request).toBe(message.id);
    session.answer(cancel, { cancelled: true });
    session.refuse(message, "ACQUIRE_ABORTED");
    expect(await asked).toEqual({ outcome: "aborted" });
    expect(session.all("release")).toEqual([]);
  });

  it("gives back a grant that crosses its cancel", async () => {
    const controller = new AbortController();
    const asked = store.acquire(request({ waitMs: 30_000 }), controller.signal);
    const session = obliging(await sidecar.sessions.open());
    const message = await session.heard("acquire");
    controller.abort();
    session.grant(message);
    expect(await asked).toEqual({ outcome: "aborted" });
    expect(session.all("release")).toMatchObject([{ lease: "lease-of-the-key" }]);
  });

  it("does not hold its caller up where nothing answers", async () => {
    await store.close();
    store = sidecarStore(url, { answerMs: 30_000 });
    const controller = new AbortController();
    const asked = store.acquire(request({ waitMs: 30_000 }), controller.signal);
    const session = await sidecar.sessions.open();
    const message = await session.heard("acquire");
    const abortedAt = performance.now();
    controller.abort();
    expect(await asked).toEqual({ outcome: "aborted" });
    expect(performance.now() - abortedAt).toBeLessThan(5_000);
    obliging(session).grant(message);
    expect(await session.heard("release")).toMatchObject({ lease: "lease-of-the-key" });
  });

  it("sends nothing where there was no session yet", async () => {
    sidecar.sessions.refusal = () => {};
    const controller = new AbortController();
    const asked = store.acquire(request({ waitMs: 30_000 }), controller.signal);
    await until(() => sidecar.sessions.attempts === 1, { what: "the attempt" });
    controller.abort();
    expect(await asked).toEqual({ outcome: "aborted" });
    expect(sidecar.asked).toEqual([]);
  });

  it("is undone by plain HTTP where its session was cut meanwhile", async () => {
    await sidecar.close();
    sidecar = new FakeSidecar(timeout);
    await store.close();
    store = sidecarStore(await sidecar.listen());
    const controller = new AbortController();
    const asked = store.acquire(request({ waitMs: 30_000 }), controller.signal);
    const session = await sidecar.sessions.open();
    await session.heard("acquire");
    sidecar.sessions.refusal = () => {};
    session.cut();
    await until(() => sidecar.sessions.attempts === 2, { what: "the next attempt" });
    controller.abort();
    expect(await asked).toEqual({ outcome: "aborted" });
    expect(sidecar.bodies).toMatchObject([{ waitMs: 0 }]);
  });
});

describe("an answer in a session that no sidecar gives", () => {
  it.each([[{ lease: "l" }], [{ expiresInMs: "soon" }], [{ at: undefined }], [{ fence: -1 }]])(
    "grants nothing: %j",
    async (overrides) => {
      const asked = expect(store.acquire(request())).rejects.toMatchObject(unavailable);
      const session = await sidecar.sessions.open();
      const message = await session.heard("acquire");
      if ("lease" in overrides) session.answer(message, overrides);
      else session.grant(message, overrides);
      await asked;
    },
  );

  it.each(["{", "[]1", "null", '{"event":"valid","at":"now"}', '{"event":"lost"}', '{"id":1,"ok":false}'])(
    "ends that session alone: %s",
    async (garbage) => {
      const asked = store.acquire(request({ waitMs: 10_000 }));
      const session = await sidecar.sessions.open();
      await session.heard("acquire");
      session.sendRaw(garbage);
      const next = await sidecar.sessions.open(2);
      next.grant(await next.heard("acquire"));
      expect(await asked).toMatchObject({ outcome: "granted" });
    },
  );

  it("ends that session alone where it is huge", async () => {
    const asked = store.acquire(request({ waitMs: 10_000 }));
    const session = await sidecar.sessions.open();
    await session.heard("acquire");
    session.sendRaw(`"${"x".repeat(5 * 1_048_576)}"`);
    const next = await sidecar.sessions.open(2);
    next.grant(await next.heard("acquire"));
    expect(await asked).toMatchObject({ outcome: "granted" });
  });

  it("does nothing where it is of a later release", async () => {
    const asked = store.acquire(request({ waitMs: 10_000 }));
    const session = await sidecar.sessions.open();
    const message = await session.heard("acquire");
    session.sendRaw('{"event":"weather","sunny":true}');
    session.answer({ ...message, id: 12_345 });
    session.grant(message, { mood: "good" });
    expect(await asked).toMatchObject({ outcome: "granted" });
    expect(sidecar.sessions.opened).toHaveLength(1);
  });
});
