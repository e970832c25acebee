import { type AcquireAnswer, acquireAnswer, type SnapshotAnswer } from "@sluice/client/shapes";
import { until } from "@sluice/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Sidecar } from "../src/sidecar.js";
import { call, problemIn } from "./http.js";
import { startTestSidecar } from "./sidecars.js";

describe("acquire", () => {
  let sidecar: Sidecar;
  let named = 0;

  beforeAll(async () => {
    sidecar = await startTestSidecar();
  });

  afterAll(() => sidecar.close());

  const newName = () => {
    named += 1;
    return `api-${named}`;
  };
  const acquire = (name: string, body: object) =>
    call(sidecar.url, "POST", `/v1/semaphores/${name}/acquire`, { body });
  const look = async (name: string) =>
    (await call<SnapshotAnswer>(sidecar.url, "GET", `/v1/semaphores/${name}`)).body;

  it("answers with the lease, and with nothing but what the contract says", async () => {
    const name = newName();
    const { status, headers, body } = await acquire(name, { limit: 3, permits: 2, leaseMs: 5_000 });
    expect(status).toBe(200);
    expect(headers["content-type"]).toBe("application/json");
    expect(headers["cache-control"]).toBe("no-store");
    expect(headers).not.toHaveProperty("x-powered-by");
    const answer = acquireAnswer.strict().parse(body);
    expect(answer).toMatchObject({ semaphore: name, permits: 2, leaseMs: 5_000, limit: 3 });
    expect(answer.lease).toMatch(/^[A-Za-z0-9_-]{22}$/);
    expect(answer.expiresInMs).toBeGreaterThan(4_000);
    expect(answer.expiresInMs).toBeLessThanOrEqual(5_000);
  });

  it("asks for one permit, and does not wait, unless told otherwise", async () => {
    const name = newName();
    expect((await acquire(name, { limit: 1 })).body).toMatchObject({ permits: 1 });
    expect(problemIn(await acquire(name, {})).code).toBe("ACQUIRE_TIMEOUT");
    expect(await look(name)).toMatchObject({ inUse: 1, waiting: 0 });
  });

  it("creates a semaphore with the defaults, or with what is said beside the limit", async () => {
    const plain = newName();
    await acquire(plain, { limit: 3 });
    expect(await look(plain)).toMatchObject({ limit: 3, leaseMs: 10_000, maxWaiters: 100_000, version: 0 });
    const told = newName();
    await acquire(told, { limit: 3, create: { leaseMs: 2_000, maxWaiters: 4 } });
    expect(await look(told)).toMatchObject({ limit: 3, leaseMs: 2_000, maxWaiters: 4, version: 0 });
  });

  it("keeps a stored limit, and tells it", async () => {
    const name = newName();
    await acquire(name, { limit: 3 });
    expect((await acquire(name, { limit: 9 })).body).toMatchObject({ limit: 3 });
  });

  it("shows the holder's label, or where the caller is when it gives none", async () => {
    const name = newName();
    await acquire(name, { limit: 3, holder: "web-1:4711" });
    await acquire(name, { limit: 3 });
    expect((await look(name)).leases.map(({ holder }) => holder).sort()).toEqual(["127.0.0.1", "web-1:4711"]);
  });

  it("waits for a permit, and says how long it took and how long the lease lasts from then on", async () => {
    const name = newName();
    const held = (await acquire(name, { limit: 1 })).body;
    const askedAt = performance.now();
    const waiting = acquire(name, { waitMs: 60_000, leaseMs: 10_000 });
    // In whole milliseconds: what is told as 200 ms may lack a part of one.
    await until(async () => (await look(name)).oldestWaiterMs > 200, { what: "a wait of 200 ms" });
    const releasedAt = performance.now();
    await call(sidecar.url, "POST", `/v1/semaphores/${name}/release`, { body: { lease: held.lease } });
    const { waitedMs, expiresInMs } = (await waiting).body as AcquireAnswer;
    expect(waitedMs).toBeGreaterThanOrEqual(200);
    expect(waitedMs).toBeLessThanOrEqual(performance.now() - askedAt);
    expect(expiresInMs).toBeLessThanOrEqual(10_000);
    expect(expiresInMs).toBeGreaterThan(10_000 - (performance.now() - releasedAt) - 2);
  });

  it("gives every acquire a lease of its own, whose id says nothing about the others", async () => {
    const name = newName();
    const ids = new Set<unknown>();
    for (let i = 0; i < 20; i += 1) ids.add((await acquire(name, { limit: 20 })).body.lease);
    expect(ids.size).toBe(20);
  });
});
