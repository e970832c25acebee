import type { Store } from "@sluice/core";
import { freePort, until } from "@sluice/testkit";
import { afterEach, describe, expect, it } from "vitest";
import { sidecarStore } from "../src/index.js";
import type { SidecarStoreOptions } from "../src/options.js";
import { problemCodes } from "../src/shapes.js";
import { request } from "./acquires.js";
import { cut, FakeSidecar, grant, html, json, problem, silence, timeout } from "./fake-sidecar.js";

let sidecar: FakeSidecar;
let store: Store;

afterEach(async () => {
  await store.close();
  await sidecar.close();
});

async function start(
  answers: ConstructorParameters<typeof FakeSidecar>,
  options?: SidecarStoreOptions,
): Promise<void> {
  sidecar = new FakeSidecar(...answers);
  store = sidecarStore(await sidecar.listen(), { session: false, ...options });
}

const unavailable = { code: "STORE_UNAVAILABLE" };
const away = problem(503, "STORE_UNAVAILABLE");

describe("an acquire over HTTP", () => {
  it("says all that was asked for, under a key of its own", async () => {
    await start([grant()], { token: "t0ken" });
    const create = { limit: 3, leaseMs: 7_000, maxWaiters: 9 };
    await store.acquire(request({ permits: 2, priority: 5, leaseMs: 4_000, create }));
    const [asked] = sidecar.asked;
    expect(asked).toMatchObject({ method: "POST", path: "/v1/semaphores/api/acquire" });
    expect(asked?.headers).toMatchObject({ "idempotency-key": "the-key", authorization: "Bearer t0ken" });
    expect(asked?.body).toEqual({
      permits: 2,
      priority: 5,
      waitMs: 0,
      leaseMs: 4_000,
      holder: "test",
      limit: 3,
      create: { leaseMs: 7_000, maxWaiters: 9 },
    });
  });

  it("takes the lease by the name that the sidecar gives it, and believes in it from the sending on", async () => {
    await start([grant({ expiresInMs: 5_000, waitedMs: 0 })]);
    const before = performance.now();
    const result = await store.acquire(request());
    expect(result).toMatchObject({
      outcome: "granted",
      lease: "granted-lease",
      fence: 7,
      leaseMs: 10_000,
      limit: 3,
    });
    if (result.outcome !== "granted") return;
    expect(result.validUntil).toBeGreaterThan(before + 4_900);
    expect(result.validUntil).toBeLessThan(before + 5_000 + 1_000);
  });

  it("counts an answer that comes late from the sending, and not from its arrival", async () => {
    await start([(asked) => setTimeout(() => grant({ expiresInMs: 5_000 })(asked), 300)]);
    const before = performance.now();
    const result = await store.acquire(request());
    if (result.outcome !== "granted") throw new Error(result.outcome);
    expect(performance.now() - before).toBeGreaterThan(290);
    expect(result.validUntil).toBeLessThan(performance.now() + 5_000 - 280);
  });

  it.each([
    ["a cut connection", cut],
    ["a store that is away", away],
    ["a proxy that finds no sidecar", html(502, "<html>Bad Gateway</html>")],
  ])("is the same request again after %s", async (_name, failure) => {
    await start([failure, failure, grant()]);
    const result = await store.acquire(request({ waitMs: 10_000 }));
    expect(result).toMatchObject({ outcome: "granted" });
    expect(sidecar.asked).toHaveLength(3);
    const keys = sidecar.asked.map(({ headers }) => headers["idempotency-key"]);
    expect(new Set(keys)).toEqual(new Set(["the-key"]));
    const waits = sidecar.bodies.map(({ waitMs }) => Number(waitMs));
    expect(waits[0]).toBe(10_000);
    // Each try has only the time that is left.
    expect(waits[2]).toBeLessThan(10_000);
    const others = sidecar.bodies.map(({ waitMs, ...other }) => JSON.stringify(other));
    expect(new Set(others).size).toBe(1);
  });

  it("finds a sidecar that is started while it waits", async () => {
    const port = await freePort();
    sidecar = new FakeSidecar(grant());
    store = sidecarStore(`http://127.0.0.1:${port}`, { session: false });
    const waiting = store.acquire(request({ waitMs: Number.POSITIVE_INFINITY }));
    const down = new Promise((resolve) => store.observe({ availability: resolve }));
    expect(await down).toMatchObject({ up: false });
    await sidecar.listen(port);
    expect(await waiting).toMatchObject({ outcome: "granted" });
  });

  it.each([
    ["a sidecar that is away", undefined],
    ["a cut connection", cut],
    ["a store that is away", away],
    ["a proxy that finds no sidecar", html(502, "<html>Bad Gateway</html>")],
  ])("that does not wait fails at once for %s", async (_name, failure) => {
    sidecar = new FakeSidecar(failure ?? grant());
    const url = failure ? await sidecar.listen() : `http://127.0.0.1:${await freePort()}`;
    store = sidecarStore(url, { session: false });
    const askedAt = performance.now();
    await expect(store.acquire(request())).rejects.toMatchObject(unavailable);
    expect(performance.now() - askedAt).toBeLessThan(2_000);
  });

  it("fails when the sidecar is still away at the end of its wait", async () => {
    sidecar = new FakeSidecar(grant());
    store = sidecarStore(`http://127.0.0.1:${await freePort()}`, { session: false });
    const askedAt = performance.now();
    await expect(store.acquire(request({ waitMs: 300 }))).rejects.toMatchObject(unavailable);
    expect(performance.now() - askedAt).toBeGreaterThanOrEqual(295);
    expect(performance.now() - askedAt).toBeLessThan(2_000);
  });

  it("asks again for a long wait, for less than a minute at a time", async () => {
    await start([timeout, timeout, timeout, grant()]);
    expect(await store.acquire(request({ waitMs: Number.POSITIVE_INFINITY }))).toMatchObject({
      outcome: "granted",
    });
    expect(sidecar.bodies.map(({ waitMs }) => waitMs)).toEqual([55_000, 55_000, 55_000, 55_000]);
  });

  it("ends a wait with a request that does not wait, and leaves the queue by it", async () => {
    const after = (ms: number) => (asked: Parameters<typeof timeout>[0]) =>
      setTimeout(() => timeout(asked), ms);
    await start([after(60), timeout]);
    expect(await store.acquire(request({ waitMs: 50 }))).toEqual({ outcome: "timeout", limit: 3 });
    expect(sidecar.bodies.map(({ waitMs }) => waitMs)).toEqual([50, 0]);
  });

  it("takes what comes at the last moment", async () => {
    await start([(asked) => setTimeout(() => timeout(asked), 60), grant()]);
    expect(await store.acquire(request({ waitMs: 50 }))).toMatchObject({ outcome: "granted" });
  });

  it("is repeated at once where a kept connection turns out to be closed", async () => {
    const firstOfConnection = new Set<number>();
    const onlyFirst = (asked: Parameters<typeof timeout>[0]) => {
      const isFirst = !firstOfConnection.has(asked.connection);
      firstOfConnection.add(asked.connection);
      (isFirst ? grant() : cut)(asked);
    };
    await start([onlyFirst]);
    await store.acquire(request());
    expect(await store.acquire(request({ lease: "another-key" }))).toMatchObject({ outcome: "granted" });
    expect(sidecar.asked.map(({ connection }) => connection)).toEqual([0, 0, 1]);
  });

  it("takes its place back from an earlier try of its own that came late, and from nobody else", async () => {
    const superseded = problem(409, "REQUEST_SUPERSEDED");
    await start([cut, superseded, superseded]);
    expect(await store.acquire(request({ waitMs: 10_000 }))).toEqual({ outcome: "superseded" });
    expect(sidecar.asked).toHaveLength(3);
  });

  it("does not go on asking what is no sidecar", async () => {
    await start([html(404, "<html><title>Welcome</title> to <b>nginx</b>!</html>")]);
    const endless = store.acquire(request({ waitMs: Number.POSITIVE_INFINITY }));
    await expect(endless).rejects.toThrow(/not a sidecar: it answered 404 text\/html: "Welcome to nginx !"/);
    expect(sidecar.asked).toHaveLength(1);
  });

  it.each([[{}], [{ lease: "l" }], [{ lease: "l", fence: 1, waitedMs: 0, expiresInMs: "soon" }]])(
    "refuses the grant %j",
    async (answer) => {
      await start([json(200, answer)]);
      await expect(store.acquire(request())).rejects.toMatchObject(unavailable);
    },
  );

  it("sends a semaphore's name as it is, below the path of the sidecar's URL", async () => {
    sidecar = new FakeSidecar(grant());
    store = sidecarStore(`${await sidecar.listen()}/sluice/`, { session: false });
    await store.acquire(request({ semaphore: "team:api.v1" }));
    expect(sidecar.asked[0]?.path).toBe("/sluice/v1/semaphores/team%3Aapi.v1/acquire");
  });
});

describe("a refused acquire over HTTP", () => {
  const outcomes: Partial<Record<(typeof problemCodes)[number], object>> = {
    ACQUIRE_TIMEOUT: { outcome: "timeout", limit: 3 },
    QUEUE_FULL: { outcome: "queue_full", limit: 3, maxWaiters: 9 },
    PERMITS_EXCEED_LIMIT: { outcome: "exceeds_limit", limit: 3 },
    SEMAPHORE_UNKNOWN: { outcome: "unknown" },
    REQUEST_REUSED: { outcome: "reused" },
    REQUEST_SUPERSEDED: { outcome: "superseded" },
    RECOVERING: { outcome: "recovering", retryAfterMs: 4_000 },
  };
  const errors: Partial<Record<(typeof problemCodes)[number], object>> = {
    INVALID_ARGUMENT: {
      code: "INVALID_ARGUMENT",
      argument: "permits",
      message: "the detail of INVALID_ARGUMENT",
    },
    STORE_INCOMPATIBLE: { code: "STORE_INCOMPATIBLE" },
  };

  it.each(problemCodes)("says what %s means", async (code) => {
    const errorsOfIt = [{ argument: "permits", detail: "…" }];
    await start([problem(400, code, { limit: 3, maxWaiters: 9, retryAfterMs: 4_000, errors: errorsOfIt })]);
    const result = store.acquire(request());
    if (outcomes[code]) expect(await result).toEqual(outcomes[code]);
    else await expect(result).rejects.toMatchObject(errors[code] ?? unavailable);
  });
});

describe("an acquire over HTTP that is aborted", () => {
  it("does nothing where it was aborted beforehand", async () => {
    await start([grant()]);
    expect(await store.acquire(request(), AbortSignal.abort())).toEqual({ outcome: "aborted" });
    expect(sidecar.asked).toHaveLength(0);
  });

  it("hangs up, and leaves the queue by a request that does not wait", async () => {
    await start([silence, timeout]);
    const abort = new AbortController();
    const waiting = store.acquire(request({ waitMs: 30_000 }), abort.signal);
    await until(() => sidecar.asked.length === 1, { what: "the request" });
    abort.abort();
    expect(await waiting).toEqual({ outcome: "aborted" });
    await until(() => sidecar.asked[0]?.response.destroyed, { what: "the hang-up" });
    expect(sidecar.asked[1]?.headers["idempotency-key"]).toBe("the-key");
    expect(sidecar.bodies.map(({ waitMs }) => waitMs)).toEqual([30_000, 0]);
    expect(sidecar.asked).toHaveLength(2);
  });

  it("gives back what it was granted meanwhile", async () => {
    await start([silence, grant({ lease: "crossed" }), json(200, { released: true })]);
    const abort = new AbortController();
    const waiting = store.acquire(request({ waitMs: 30_000 }), abort.signal);
    await until(() => sidecar.asked.length === 1, { what: "the request" });
    abort.abort();
    expect(await waiting).toEqual({ outcome: "aborted" });
    expect(sidecar.asked[2]).toMatchObject({
      path: "/v1/semaphores/api/release",
      body: { lease: "crossed" },
    });
  });

  it("goes on undoing what cannot be undone at once, and does not hold its caller up for it", async () => {
    await start([silence, silence, away, away, away, away, away, away, timeout]);
    const abort = new AbortController();
    const waiting = store.acquire(request({ waitMs: 30_000 }), abort.signal);
    await until(() => sidecar.asked.length === 1, { what: "the request" });
    abort.abort();
    const abortedAt = performance.now();
    expect(await waiting).toEqual({ outcome: "aborted" });
    expect(performance.now() - abortedAt).toBeLessThan(2_000);
    sidecar.asked[1]?.response.destroy();
    await until(() => sidecar.asked.length === 9, { what: "the undoing to get through" });
  });

  it("has nothing to undo where no request has arrived", async () => {
    const port = await freePort();
    sidecar = new FakeSidecar(grant());
    store = sidecarStore(`http://127.0.0.1:${port}`, { session: false });
    const abort = new AbortController();
    const down = new Promise((resolve) => store.observe({ availability: resolve }));
    const waiting = store.acquire(request({ waitMs: 30_000 }), abort.signal);
    await down;
    await sidecar.listen(port);
    abort.abort();
    expect(await waiting).toEqual({ outcome: "aborted" });
    await store.close();
    expect(sidecar.asked).toEqual([]);
  });

  it("is undone as well when it fails while nobody knows what became of it", async () => {
    await start([cut, grant({ lease: "unheard" }), json(200, { released: true })]);
    await expect(store.acquire(request())).rejects.toMatchObject(unavailable);
    await until(() => sidecar.asked.length === 3, { what: "the release" });
    expect(sidecar.asked[2]).toMatchObject({
      path: "/v1/semaphores/api/release",
      body: { lease: "unheard" },
    });
  });
});
