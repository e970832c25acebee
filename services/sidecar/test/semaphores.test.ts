import { type ListAnswer, listAnswer, type SnapshotAnswer, snapshotAnswer } from "@sluice/client/shapes";
import { until } from "@sluice/testkit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Caller } from "../src/access/caller.js";
import { snapshotFor } from "../src/routes/snapshot.js";
import type { Sidecar } from "../src/sidecar.js";
import { call } from "./http.js";
import { RawCaller } from "./raw-caller.js";
import { startTestSidecar } from "./sidecars.js";

const path = "/v1/semaphores/api";

let sidecar: Sidecar;

beforeEach(async () => {
  sidecar = await startTestSidecar();
});

afterEach(() => sidecar.close());

const ask = <Body = SnapshotAnswer>(method: string, at: string, body?: object) =>
  call<Body>(sidecar.url, method, at, { ...(body && { body }) });

const acquire = async (body: object = {}) =>
  String((await ask<{ lease: string }>("POST", `${path}/acquire`, body)).body.lease);

describe("semaphores", () => {
  it("are created and replaced by PUT, where what is left out takes its default", async () => {
    const created = await ask("PUT", path, { limit: 3, leaseMs: 5_000, maxWaiters: 7 });
    expect(created.status).toBe(201);
    expect(snapshotAnswer.strict().parse(created.body)).toMatchObject({
      semaphore: "api",
      limit: 3,
      leaseMs: 5_000,
      maxWaiters: 7,
      version: 1,
      leases: [],
      waiters: [],
    });
    const replaced = await ask("PUT", path, { limit: 4 });
    expect(replaced.status).toBe(200);
    expect(replaced.body).toMatchObject({ limit: 4, leaseMs: 10_000, maxWaiters: 100_000, version: 2 });
  });

  it("take the longest lease of the store as their default where that is shorter", async () => {
    await sidecar.close();
    sidecar = await startTestSidecar({ environment: { SLUICE_MAX_LEASE_MS: "2000" } });
    expect((await ask("PUT", path, { limit: 1 })).body.leaseMs).toBe(2_000);
  });

  it("change their limit alone by PATCH", async () => {
    await ask("PUT", path, { limit: 3, leaseMs: 5_000, maxWaiters: 7 });
    const { status, body } = await ask("PATCH", path, { limit: 0 });
    expect(status).toBe(200);
    expect(body).toMatchObject({ limit: 0, leaseMs: 5_000, maxWaiters: 7, version: 2 });
  });

  it("go by DELETE, once nothing is held", async () => {
    await ask("PUT", path, { limit: 1 });
    const lease = await acquire();
    expect((await ask("DELETE", path)).status).toBe(409);
    await ask("POST", `${path}/release`, { lease });
    const gone = await ask("DELETE", path);
    expect(gone.status).toBe(204);
    expect(gone.text).toBe("");
    expect((await ask("GET", path)).status).toBe(404);
  });

  it("show who holds and who waits", async () => {
    await ask("PUT", path, { limit: 2 });
    const lease = await acquire({ permits: 2, holder: "a" });
    const waiter = new RawCaller(sidecar.url, `${path}/acquire`, {
      waitMs: 60_000,
      holder: "b",
      priority: 4,
    });
    await until(async () => (await ask("GET", path)).body.waiting === 1, { what: "one to wait" });
    const { status, body } = await ask("GET", path);
    expect(status).toBe(200);
    expect(snapshotAnswer.strict().parse(body)).toMatchObject({
      limit: 2,
      inUse: 2,
      waiting: 1,
      leases: [{ lease, permits: 2, holder: "a" }],
      waiters: [{ permits: 1, priority: 4, holder: "b" }],
    });
    waiter.hangUp();
  });

  it("show the ids of leases to those alone who may operate", async () => {
    await ask("PUT", path, { limit: 2 });
    await acquire();
    const snapshot = await sidecar.store.inspect("api");
    if (snapshot === undefined) throw new Error("it was there");
    const reader: Caller = { token: "t", name: "reader", scopes: new Set(["use", "read"]) };
    const [shown] = snapshotFor(reader, snapshot).leases;
    expect(shown).not.toHaveProperty("lease");
    expect(shown).toMatchObject({ permits: 1 });
  });

  it("show long queues page by page", async () => {
    await ask("PUT", path, { limit: 5 });
    for (let i = 0; i < 5; i += 1) await acquire();
    const first = (await ask("GET", `${path}?pageSize=3`)).body;
    expect(first.leases).toHaveLength(3);
    const second = (await ask("GET", `${path}?pageSize=3&cursor=${encodeURIComponent(String(first.cursor))}`))
      .body;
    expect(second.leases).toHaveLength(2);
    expect(second).not.toHaveProperty("cursor");
  });

  it("are listed by name, page by page, without leases and waiters", async () => {
    for (const name of ["c", "a", "b"]) await ask("PUT", `/v1/semaphores/${name}`, { limit: 1 });
    const first = await ask<ListAnswer>("GET", "/v1/semaphores?pageSize=2");
    expect(first.status).toBe(200);
    expect(
      listAnswer
        .strict()
        .parse(first.body)
        .semaphores.map(({ semaphore }) => semaphore),
    ).toEqual(["a", "b"]);
    expect(first.body.semaphores[0]).not.toHaveProperty("leases");
    const cursor = encodeURIComponent(String(first.body.cursor));
    const second = await ask<ListAnswer>("GET", `/v1/semaphores?pageSize=2&cursor=${cursor}`);
    expect(second.body).toMatchObject({ semaphores: [{ semaphore: "c" }] });
    expect(second.body).not.toHaveProperty("cursor");
  });

  it("answer HEAD as GET, without the body", async () => {
    await ask("PUT", path, { limit: 1 });
    const { status, headers, text } = await ask("HEAD", path);
    expect(status).toBe(200);
    expect(headers["content-type"]).toBe("application/json");
    expect(text).toBe("");
  });
});
