import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { memoryStore } from "@sluice/core/memory";
import { until } from "@sluice/testkit";
import { afterEach, describe, expect, it } from "vitest";
import type { Sidecar } from "../src/sidecar.js";
import { HeldClock, letTimePass } from "./held-clock.js";
import { call, problemIn } from "./http.js";
import { shared, startTestSidecar, type TestOptions } from "./sidecars.js";

const path = "/v1/semaphores/api";

let sidecar: Sidecar;

afterEach(async () => {
  letTimePass();
  await sidecar.close();
});

/** A sidecar at which one permit of one is held for `leaseMs`. */
async function startHeld(leaseMs: number, options: TestOptions = {}): Promise<string> {
  sidecar = await startTestSidecar(options);
  await call(sidecar.url, "PUT", path, { body: { limit: 1 } });
  const { body } = await acquire({ leaseMs });
  return String(body.lease);
}

const acquire = (body: object, headers = {}) =>
  call(sidecar.url, "POST", `${path}/acquire`, { body, headers });

const release = (lease: string) => call(sidecar.url, "POST", `${path}/release`, { body: { lease } });

/** Whether nothing listens there any more. */
const isGone = () =>
  call(sidecar.url, "GET", "/livez").then(
    () => false,
    () => true,
  );

describe("a sidecar that drains", () => {
  it("is alive and not ready", async () => {
    const lease = await startHeld(10_000);
    const drained = sidecar.drain();
    expect((await call(sidecar.url, "GET", "/livez")).status).toBe(200);
    const { status, body } = await call(sidecar.url, "GET", "/readyz");
    expect({ status, body }).toEqual({
      status: 503,
      body: {
        status: "draining",
        components: {
          store: { status: "up" },
          recovery: { status: "idle" },
          drain: { status: "active", detail: "leases still held: 1" },
        },
      },
    });
    await release(lease);
    await drained;
    expect(await isGone()).toBe(true);
  });

  it("sends those who wait elsewhere, with and without an Idempotency-Key, and grants nothing any more", async () => {
    using clock = new HeldClock();
    const lease = await startHeld(10_000, { lingerMs: 5_000 });
    const waiting = [acquire({ waitMs: 60_000 }), acquire({ waitMs: 60_000 }, { "idempotency-key": "k" })];
    await until(() => sidecar.acquiresUnderWay === 2, { what: "two to wait" });
    const drained = sidecar.drain();
    for (const answer of [
      ...(await Promise.all(waiting)),
      await acquire({}),
      await acquire({ waitMs: 60_000 }),
    ]) {
      expect(problemIn(answer)).toMatchObject({ status: 503, code: "STORE_UNAVAILABLE" });
      expect(answer.headers["retry-after"]).toBe("1");
      expect(answer.headers.connection).toBe("close");
    }
    // The one that can come back under its key has kept its place.
    expect(await sidecar.store.inspect("api")).toMatchObject({ inUse: 1, waiting: 1 });
    await release(lease);
    await clock.pass(5_000);
    await drained;
  });

  it("keeps renewing, and ends when the last lease that it granted is released", async () => {
    using clock = new HeldClock();
    const lease = await startHeld(10_000, { environment: { SLUICE_DRAIN_MS: "60000" } });
    let ended = false;
    const drained = sidecar.drain().then(() => {
      ended = true;
    });
    // More than twice as long as the lease lasts unless it is renewed.
    for (let renewals = 0; renewals < 3; renewals++) {
      await clock.pass(9_000);
      const { body } = await call(sidecar.url, "POST", `${path}/renew`, { body: { leases: [lease] } });
      expect(body).toMatchObject({ leases: [{ lease, renewed: true }] });
      // It looks every 20 ms whether it is needed.
      await sleep(100);
    }
    expect(ended).toBe(false);
    expect((await release(lease)).body).toEqual({ released: true });
    await drained;
    expect(await isGone()).toBe(true);
  });

  it("ends when the last lease that it granted has lapsed", async () => {
    const startedAt = performance.now();
    await startHeld(500);
    await sidecar.drain();
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(450);
    expect(await isGone()).toBe(true);
  });

  it("keeps the places of those who come back elsewhere, and ends once they have", async () => {
    using clock = new HeldClock();
    const store = shared(memoryStore());
    const lease = await startHeld(10_000, { store, lingerMs: 5_000 });
    const other = await startTestSidecar({ store });
    const waitAt = (url: string, key: string) =>
      call(url, "POST", `${path}/acquire`, { body: { waitMs: 60_000 }, headers: { "idempotency-key": key } });
    const first = waitAt(sidecar.url, "first");
    await until(() => sidecar.acquiresUnderWay === 1, { what: "the first to wait" });
    const second = waitAt(other.url, "second");
    await until(() => other.acquiresUnderWay === 1, { what: "the second to wait" });
    const drained = sidecar.drain();
    expect(problemIn(await first).code).toBe("STORE_UNAVAILABLE");
    const again = waitAt(other.url, "first");
    await until(() => other.acquiresUnderWay === 2, { what: "the first to come back" });
    await release(lease);
    const granted = await again;
    expect(granted.status).toBe(200);
    await call(other.url, "POST", `${path}/release`, { body: { lease: granted.body.lease } });
    expect((await second).body.fence).toBeGreaterThan(Number(granted.body.fence));
    await clock.pass(5_000);
    await drained;
    await other.close();
  });

  it("gives back at its end what it was granted for those who did not come back", async () => {
    using clock = new HeldClock();
    const store = shared(memoryStore());
    const lease = await startHeld(10_000, {
      store,
      lingerMs: 60_000,
      environment: { SLUICE_DRAIN_MS: "300" },
    });
    const waiting = acquire({ waitMs: 60_000 }, { "idempotency-key": "k" });
    await until(() => sidecar.acquiresUnderWay === 1, { what: "one to wait" });
    const drained = sidecar.drain();
    await waiting;
    await release(lease);
    expect(await store.inspect("api")).toMatchObject({ inUse: 1, waiting: 0 });
    await clock.pass(300);
    await drained;
    await until(async () => (await store.inspect("api"))?.inUse === 0, { what: "the permit to be free" });
    expect(await store.inspect("api")).toMatchObject({ lapsesTotal: 0 });
  });

  it("does not wait for a lease that another sidecar has granted, also when it has renewed it", async () => {
    const store = shared(memoryStore());
    const lease = await startHeld(10_000, { store });
    const other = await startTestSidecar({ store });
    const { body } = await call(other.url, "POST", `${path}/renew`, { body: { leases: [lease] } });
    expect(body).toMatchObject({ leases: [{ renewed: true }] });
    const askedAt = performance.now();
    await other.drain();
    expect(performance.now() - askedAt).toBeLessThan(5_000);
  });

  it("gives up after SLUICE_DRAIN_MS, whatever is still held", async () => {
    await startHeld(15_000, { environment: { SLUICE_DRAIN_MS: "200" } });
    const askedAt = performance.now();
    await sidecar.drain();
    const tookMs = performance.now() - askedAt;
    expect(tookMs).toBeGreaterThanOrEqual(195);
    expect(tookMs).toBeLessThan(5_000);
    expect(await isGone()).toBe(true);
  });

  it("ends at once where nothing is held, also with connections that are kept open", async () => {
    await startHeld(10_000).then(release);
    const agent = new Agent({ keepAlive: true });
    await new Promise<void>((resolve, reject) => {
      const outgoing = request(`${sidecar.url}/livez`, { agent }, (response) => {
        response.resume().once("end", resolve);
      });
      outgoing.once("error", reject).end();
    });
    await sidecar.drain();
    agent.destroy();
    expect(await isGone()).toBe(true);
  });
});
