import { StoreUnavailableError } from "@sluice/core";
import { memoryStore } from "@sluice/core/memory";
import { until } from "@sluice/testkit";
import { afterEach, describe, expect, it } from "vitest";
import { LOOPBACK_GRACE_MS } from "../src/leases/grace.js";
import { call } from "./http.js";
import { RawSession } from "./session-client.js";
import { behindProxy, SessionScene } from "./session-scene.js";
import { shared, startTestSidecar } from "./sidecars.js";

const scene = new SessionScene();

afterEach(() => scene.close());

describe("a session that ends", () => {
  it("with a goodbye gives everything back at once", async () => {
    const one = await scene.start();
    await one.acquire("api", { limit: 5 });
    await one.acquire("api", { limit: 5 });
    await one.goodbye();
    await scene.becomes("nothing is held", ({ inUse, lapsesTotal }) => inUse === 0 && lapsesTotal === 0);
  });

  it("because a proxy ends is not taken for one that said goodbye", async () => {
    await scene.startSidecar();
    const one = await scene.session(behindProxy);
    await one.acquire("api", { leaseMs: 1_200 });
    // Before its sidecar hears of it: the client may see the end much later.
    const leftAt = performance.now();
    await one.goodbye(1001);
    await scene.becomes("it is given back", ({ inUse }) => inUse === 0);
    expect(performance.now() - leftAt).toBeGreaterThan(1_150);
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
    const one = await scene.start({ store: memory });
    const granted = await call(scene.sidecar.url, "POST", "/v1/semaphores/api/acquire", {
      body: { limit: 1, leaseMs: 600 },
    });
    one.send({ op: "claim", leases: [{ semaphore: "api", lease: granted.body.lease }] });
    await one.ask({ op: "ping" });
    one.vanish();
    await until(() => scene.sidecar.sessionsOpen === 0, { what: "the end of the session" });
    carryOn();
    await until(() => claimed, { what: "the claim" });
    await scene.becomes("it has lapsed", ({ inUse, lapsesTotal }) => inUse === 0 && lapsesTotal === 1);
  });

  it("behind a proxy leaves to its time what it was granted again", async () => {
    const memory = memoryStore();
    await scene.startSidecar({ store: shared(memory) });
    const other = await startTestSidecar({ store: shared(memory) });
    try {
      const asking = { op: "acquire", semaphore: "api", limit: 1, leaseMs: 1_200, idempotencyKey: "k" };
      const [holder, late] = [await RawSession.open(other.url), await scene.session(behindProxy)];
      const { lease } = await holder.ask<{ lease: string }>(asking);
      // An old request that has come at last, by a way that its client has given up.
      expect(await late.ask(asking)).toMatchObject({ lease });
      late.vanish();
      await until(() => scene.sidecar.sessionsOpen === 0, { what: "the end of the session" });
      const endedAt = performance.now();
      await until(() => performance.now() > endedAt + 1_800, {
        what: "more than the lease that it was granted",
      });
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
    const one = await scene.start({ store: memory });
    const granted = await call(scene.sidecar.url, "POST", "/v1/semaphores/api/acquire", {
      body: { limit: 1, leaseMs: 300 },
    });
    const { lease } = granted.body;
    const leases = [
      { semaphore: "api", lease },
      { semaphore: "bad", lease },
    ];
    expect(await one.problemTo({ op: "claim", leases })).toMatchObject({ code: "STORE_UNAVAILABLE" });
    await scene.becomes("it has lapsed", ({ inUse, lapsesTotal }) => inUse === 0 && lapsesTotal === 1);
  });

  it("waits for the end that somebody was told of who renewed its lease by name", async () => {
    const one = await scene.start();
    const { lease } = await one.acquire("api", { leaseMs: 1_000 });
    const body = { leases: [lease], leaseMs: 2_000 };
    // What is told lasts from some moment after this one.
    const askedAt = performance.now();
    await call(scene.sidecar.url, "POST", "/v1/semaphores/api/renew", { body });
    one.vanish();
    await scene.becomes("it is given back", ({ inUse }) => inUse === 0);
    expect(performance.now() - askedAt).toBeGreaterThan(1_950);
  });

  it("waits for that also where the lease was renewed by name after the session", async () => {
    await scene.startSidecar();
    const one = await scene.session(behindProxy);
    const { lease } = await one.acquire("api", { leaseMs: 1_200 });
    one.vanish();
    await until(() => scene.sidecar.sessionsOpen === 0, { what: "the end of the session" });
    const body = { leases: [lease], leaseMs: 2_500 };
    const askedAt = performance.now();
    const renewed = await call(scene.sidecar.url, "POST", "/v1/semaphores/api/renew", { body });
    expect(renewed.body).toMatchObject({ leases: [{ lease, renewed: true }] });
    await scene.becomes("it is given back", ({ inUse }) => inUse === 0);
    expect(performance.now() - askedAt).toBeGreaterThan(2_450);
  });

  it("waits for what somebody is about to be told whose renewal by name is on its way", async () => {
    const memory = memoryStore();
    const renew = memory.renew.bind(memory);
    let carryOn!: () => void;
    const held = new Promise<void>((resolve) => {
      carryOn = resolve;
    });
    let hasRenewed = false;
    memory.renew = async (...asked) => {
      const results = await renew(...asked);
      hasRenewed = true;
      await held;
      return results;
    };
    const one = await scene.start({ store: memory });
    const { lease } = await one.acquire("api", { leaseMs: 15_000 });
    const renewal = call(scene.sidecar.url, "POST", "/v1/semaphores/api/renew", {
      body: { leases: [lease] },
    });
    await until(() => hasRenewed, { what: "the renewal" });
    one.vanish();
    await until(() => scene.sidecar.sessionsOpen === 0, { what: "the end of the session" });
    const endedAt = performance.now();
    await until(() => performance.now() > endedAt + 5 * LOOPBACK_GRACE_MS, { what: "more than its grace" });
    carryOn();
    expect((await renewal).body).toMatchObject({ leases: [{ lease, renewed: true }] });
    expect((await scene.look()).leases).toMatchObject([{ lease }]);
  });

  it.each([
    ["tells another end of the connection than the sidecar sees", { "sluice-client-end": "127.0.0.1:1" }],
    ["asks for another port than it has come to", { host: "127.0.0.1:1" }],
  ])("is not taken for one on loopback where its client %s", async (_how, headers) => {
    await scene.startSidecar();
    const one = await scene.session({ headers });
    expect(one.events[0]).toMatchObject({ graceMs: 10_000 });
  });

  it("without a word gives its permits to those who wait, long before they would lapse", async () => {
    const one = await scene.start();
    await one.acquire("api", { leaseMs: 15_000 });
    const two = await scene.session();
    const waits = two.send({ op: "acquire", semaphore: "api", waitMs: 60_000 });
    await scene.becomes("one waits", ({ waiting }) => waiting === 1);
    const endedAt = performance.now();
    one.vanish();
    expect(await two.answerTo(waits)).toMatchObject({ ok: true });
    expect(performance.now() - endedAt).toBeLessThan(5_000);
    const { text } = await call(scene.sidecar.url, "GET", "/metrics");
    expect(text).toMatch(/sluice_releases_total\{[^}]*reason="disconnect"[^}]*\} 1/);
  });

  it("leaves its leases to their time where its client asks for that", async () => {
    const one = await scene.start();
    await one.acquire("api", { leaseMs: 2_000 });
    await one.goodbye(4000);
    expect((await scene.look()).inUse).toBe(1);
    await scene.becomes("it has lapsed", ({ inUse, lapsesTotal }) => inUse === 0 && lapsesTotal === 1);
  });

  it("takes its waiting acquires out of the queue", async () => {
    const one = await scene.start();
    const two = await scene.session();
    await one.acquire("api");
    two.send({ op: "acquire", semaphore: "api", waitMs: 60_000 });
    two.send({ op: "acquire", semaphore: "api", waitMs: 60_000, idempotencyKey: "k" });
    await scene.becomes("two wait", ({ waiting }) => waiting === 2);
    two.vanish();
    await scene.becomes("nobody waits", ({ waiting }) => waiting === 0);
  });

  it("has its leases claimed by the next one, which keeps them", async () => {
    await scene.startSidecar();
    // On loopback 20 ms would be left to claim them.
    const one = await scene.session(behindProxy);
    const granted = await one.acquire("api", { leaseMs: 1_200 });
    const two = await scene.session();
    one.vanish();
    const claimed = await two.ask<{ leases: unknown[] }>({
      op: "claim",
      leases: [{ semaphore: "api", lease: granted.lease }],
    });
    expect(claimed.leases).toEqual([
      { semaphore: "api", lease: granted.lease, claimed: true, expiresInMs: expect.any(Number) },
    ]);
    await until(() => two.events.filter(({ event }) => event === "valid").length >= 4, { what: "renewals" });
    expect((await scene.look()).leases).toMatchObject([{ lease: granted.lease, fence: granted.fence }]);
    two.vanish();
    await scene.becomes("it is given back", ({ inUse, lapsesTotal }) => inUse === 0 && lapsesTotal === 0);
  });

  it("tells the next one which leases were not there to be claimed", async () => {
    const one = await scene.start();
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
    const one = await scene.start({ store: shared(memory) });
    const other = await startTestSidecar({ store: shared(memory) });
    try {
      const granted = await one.acquire("api", { leaseMs: 2_000 });
      const elsewhere = await RawSession.open(other.url);
      const leases = [{ semaphore: "api", lease: granted.lease }];
      expect(await elsewhere.ask({ op: "claim", leases })).toMatchObject({ leases: [{ claimed: true }] });
      await one.goodbye();
      await until(() => scene.sidecar.sessionsOpen === 0, { what: "the end of the first session" });
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
    const one = await scene.start();
    const granted = await one.acquire("api", { leaseMs: 2_000 });
    const body = { leases: [{ lease: granted.lease, permits: 1, fence: granted.fence, leaseMs: 2_000 }] };
    const renewed = await call(scene.sidecar.url, "POST", "/v1/semaphores/api/renew", { body });
    expect(renewed.body).toMatchObject({ leases: [{ lease: granted.lease, renewed: true }] });
    expect(scene.sidecar.leasesHeld).toBe(1);
    // The session renews it no more.
    await scene.becomes("it has lapsed", ({ inUse, lapsesTotal }) => inUse === 0 && lapsesTotal === 1);
  });

  it("keeps its leases for a whole lease when a proxy may stand between", async () => {
    await scene.startSidecar();
    const one = await scene.session(behindProxy);
    expect(one.events[0]).toMatchObject({ graceMs: 10_000 });
    await one.acquire("api", { leaseMs: 1_200 });
    const endedAt = performance.now();
    one.vanish();
    await scene.becomes("it is given back", ({ inUse }) => inUse === 0);
    expect(performance.now() - endedAt).toBeGreaterThan(1_150);
    expect((await scene.look()).lapsesTotal).toBe(0);
  });
});
