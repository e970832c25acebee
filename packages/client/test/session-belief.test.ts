import type { Store } from "@sluice/core";
import { until } from "@sluice/testkit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sidecarStore } from "../src/index.js";
import { request } from "./acquires.js";
import { blockLoop } from "./block-loop.js";
import { cut, FakeSidecar, json } from "./fake-sidecar.js";
import { hold } from "./holders.js";

let sidecar: FakeSidecar;
let store: Store;

beforeEach(async () => {
  sidecar = new FakeSidecar(json(200, { released: true }));
  store = sidecarStore(await sidecar.listen(), { answerMs: 1_000 });
});

afterEach(async () => {
  await store.close();
  await sidecar.close();
});

/** Cuts the session, and answers no attempt at another one. */
function isolate(): void {
  sidecar.sessions.refusal = () => {};
  for (const session of sidecar.sessions.opened) session.cut();
}

describe("the belief in a lease of a session", () => {
  it("goes on for as long as the sidecar says that all are valid", async () => {
    const { losses, believedUntil, confirmations } = await hold(store, sidecar, { leaseMs: 300 });
    const session = await sidecar.sessions.open();
    session.valid(2_000);
    const saidAt = performance.now();
    await until(() => confirmations.length > 0, { what: "the confirmation" });
    expect(believedUntil()).toBeGreaterThan(saidAt + 1_900);
    expect(believedUntil()).toBeLessThanOrEqual(saidAt + 2_000);
    const [renewed] = await store.renew("api", [{ lease: "lease-of-the-key" }]);
    expect(renewed).toEqual({ lease: "lease-of-the-key", renewed: true, validUntil: believedUntil() });
    expect(sidecar.asked).toEqual([]);
    await until(() => performance.now() > saidAt + 500, { what: "the lease's own time to pass" });
    expect(losses).toEqual([]);
  });

  it("ends when nothing more is said, and the lease is given back", async () => {
    const { losses, grant } = await hold(store, sidecar, { leaseMs: 300 });
    const session = await sidecar.sessions.open();
    await until(() => losses.length > 0, { what: "the loss" });
    expect(performance.now()).toBeLessThan(grant.validUntil + 100);
    expect(losses).toEqual(["lapsed"]);
    expect(await session.heard("release")).toMatchObject({ semaphore: "api", lease: "lease-of-the-key" });
  });

  it("outlives a blocked loop where the sidecar has confirmed it meanwhile", async () => {
    const { losses, believedUntil } = await hold(store, sidecar, { leaseMs: 300 });
    const session = await sidecar.sessions.open();
    session.valid(5_000);
    blockLoop(600);
    const blockedUntil = performance.now();
    await until(() => believedUntil() > blockedUntil, { what: "the confirmation to be read" });
    expect(losses).toEqual([]);
  });

  it("does not outlive a blocked loop where nothing has come", async () => {
    const { losses } = await hold(store, sidecar, { leaseMs: 300 });
    blockLoop(600);
    const unblockedAt = performance.now();
    await until(() => losses.length > 0, { what: "the loss", everyMs: 0 });
    expect(performance.now() - unblockedAt).toBeLessThan(100);
  });

  it("covers what was granted before, and nothing that is granted later", async () => {
    const early = await hold(store, sidecar, { leaseMs: 400 });
    const session = await sidecar.sessions.open();
    session.valid(3_000);
    const late = await hold(store, sidecar, { lease: "late", leaseMs: 400 });
    await until(() => late.losses.length > 0, { what: "the later one to be lost" });
    expect(early.losses).toEqual([]);
    expect(late.confirmations).toEqual([]);
  });

  it("ends at once when the sidecar says that the lease is lost", async () => {
    const { losses } = await hold(store, sidecar);
    const session = await sidecar.sessions.open();
    session.tell({ event: "lost", semaphore: "api", lease: "lease-of-the-key", reason: "revoked" });
    await until(() => losses.length > 0, { what: "the loss" });
    expect(losses).toEqual(["revoked"]);
    session.onMessage = (message) => session.answer(message, { released: true });
    expect(await store.release({ semaphore: "api", lease: "lease-of-the-key" })).toBe(true);
    expect(losses).toEqual(["revoked"]);
  });

  it("heeds no session but the one that has the lease", async () => {
    const early = await hold(store, sidecar);
    const losses: string[] = [];
    sidecar.sessions.onOpen = (session) => {
      session.onMessage = (message) => session.grant(message);
    };
    const first = await sidecar.sessions.open();
    first.onMessage = (message) => {
      first.tell({ event: "draining" });
      first.answer(message, { released: false });
    };
    await store.release({ semaphore: "api", lease: "another" });
    await store.acquire(request({ lease: "late", waitMs: 10_000, onLost: (reason) => losses.push(reason) }));
    const second = await sidecar.sessions.open(2);
    second.tell({ event: "lost", semaphore: "api", lease: "lease-of-the-key", reason: "lapsed" });
    second.tell({ event: "lost", semaphore: "api", lease: "lease-of-late", reason: "lapsed" });
    await until(() => losses.length > 0, { what: "the loss" });
    expect(early.losses).toEqual([]);
  });

  it("ends at once when the lease is revoked from here", async () => {
    const { losses } = await hold(store, sidecar);
    expect(await store.revoke("api", "lease-of-the-key")).toBe(true);
    expect(losses).toEqual(["revoked"]);
  });
});

describe("a lease whose session was cut", () => {
  it("is believed no longer than the sidecar keeps it", async () => {
    sidecar.sessions.graceMs = 300;
    const { losses, believedUntil } = await hold(store, sidecar);
    isolate();
    const cutAt = performance.now();
    await until(() => believedUntil() < cutAt + 300, { what: "the belief to be bounded" });
    expect(losses).toEqual([]);
    await until(() => losses.length > 0, { what: "the loss" });
    expect(losses).toEqual(["lapsed"]);
    expect(performance.now()).toBeLessThan(cutAt + 300 + 100);
  });

  it("is believed no longer than the store has confirmed it", async () => {
    const { losses, grant } = await hold(store, sidecar, { leaseMs: 400 });
    isolate();
    await until(() => losses.length > 0, { what: "the loss" });
    expect(performance.now()).toBeLessThan(grant.validUntil + 100);
  });

  it("goes on when another session has taken its claim", async () => {
    sidecar.sessions.graceMs = 500;
    const create = { limit: 20, leaseMs: 7_000, maxWaiters: 9 };
    const holder = await hold(store, sidecar, { permits: 2, create });
    (await sidecar.sessions.open()).cut();
    const next = await sidecar.sessions.open(2);
    const claim = await next.heard("claim");
    expect(claim.leases).toEqual([
      {
        semaphore: "api",
        lease: "lease-of-the-key",
        permits: 2,
        fence: 7,
        leaseMs: 10_000,
        holder: "test",
        limit: 3,
      },
    ]);
    const renewed = store.renew("api", [{ lease: "lease-of-the-key" }]);
    next.claimed(claim, { expiresInMs: 9_000 });
    const claimedAt = performance.now();
    expect(await renewed).toMatchObject([{ renewed: true }]);
    expect(holder.believedUntil()).toBeGreaterThan(claimedAt + 8_900);
    next.valid(20_000);
    await until(() => holder.believedUntil() > claimedAt + 19_000, { what: "the confirmation" });
    expect(holder.losses).toEqual([]);
  });

  it("is lost when its claim is refused", async () => {
    const holder = await hold(store, sidecar);
    (await sidecar.sessions.open()).cut();
    const next = await sidecar.sessions.open(2);
    const claim = await next.heard("claim");
    const renewed = store.renew("api", [{ lease: "lease-of-the-key" }]);
    next.claimed(claim, { claimed: false, expiresInMs: 0, reason: "revoked" });
    expect(await renewed).toEqual([{ lease: "lease-of-the-key", renewed: false, reason: "revoked" }]);
    expect(holder.losses).toEqual(["revoked"]);
  });

  it("is given back when its claim is accepted too late", async () => {
    sidecar.sessions.graceMs = 100;
    const holder = await hold(store, sidecar);
    (await sidecar.sessions.open()).cut();
    const next = await sidecar.sessions.open(2);
    const claim = await next.heard("claim");
    await until(() => holder.losses.length > 0, { what: "the loss" });
    const given = next.all("release").length;
    next.claimed(claim);
    expect(await next.heard("release", given + 1)).toMatchObject({ lease: "lease-of-the-key" });
    next.valid(20_000);
    expect(holder.losses).toEqual(["lapsed"]);
  });

  it("is claimed again where the claim was refused as a whole, or was cut off", async () => {
    const holder = await hold(store, sidecar);
    (await sidecar.sessions.open()).cut();
    const second = await sidecar.sessions.open(2);
    second.refuse(await second.heard("claim"), "STORE_UNAVAILABLE");
    await second.heard("claim", 2);
    second.cut();
    const third = await sidecar.sessions.open(3);
    third.claimed(await third.heard("claim"));
    const claimedAt = performance.now();
    await until(() => holder.believedUntil() > claimedAt + 9_000, { what: "the claim" });
    expect(holder.losses).toEqual([]);
  });

  it("keeps its first bound when the session that claims it is cut off before it answers", async () => {
    sidecar.sessions.graceMs = 400;
    const holder = await hold(store, sidecar);
    const cutAt = performance.now();
    (await sidecar.sessions.open()).cut();
    const second = await sidecar.sessions.open(2);
    await second.heard("claim");
    isolate();
    await until(() => holder.losses.length > 0, { what: "the loss" });
    expect(performance.now()).toBeLessThan(cutAt + 400 + 100);
  });

  it("lives on as the store has confirmed it where the sidecar has said that it ends", async () => {
    sidecar.sessions.graceMs = 50;
    const holder = await hold(store, sidecar, { leaseMs: 600 });
    sidecar.sessions.refusal = () => {};
    (await sidecar.sessions.open()).close(1012);
    await until(() => holder.losses.length > 0, { what: "the loss" });
    expect(performance.now()).toBeGreaterThan(holder.grant.validUntil - 10);
  });

  it("is believed no longer than it is kept where a tunnel has ended, and not the sidecar behind it", async () => {
    sidecar.sessions.graceMs = 150;
    const holder = await hold(store, sidecar);
    const endedAt = performance.now();
    await sidecar.close();
    await until(() => holder.losses.length > 0, { what: "the loss" });
    expect(performance.now()).toBeLessThan(endedAt + 150 + 100);
  });

  it("lives on as the store has confirmed it where another sidecar has taken the place of its own", async () => {
    Object.assign(sidecar.sessions, { graceMs: 50, sidecar: "one" });
    const holder = await hold(store, sidecar, { leaseMs: 600 });
    sidecar.sessions.sidecar = "two";
    (await sidecar.sessions.open()).cut();
    await (await sidecar.sessions.open(2)).heard("claim");
    await until(() => holder.losses.length > 0, { what: "the loss" });
    expect(performance.now()).toBeGreaterThan(holder.grant.validUntil - 10);
  });

  it("is believed no longer than it is kept where the same sidecar has not answered the claim", async () => {
    Object.assign(sidecar.sessions, { graceMs: 50, sidecar: "one" });
    const holder = await hold(store, sidecar, { leaseMs: 2_000 });
    const cutAt = performance.now();
    (await sidecar.sessions.open()).cut();
    await (await sidecar.sessions.open(2)).heard("claim");
    await until(() => holder.losses.length > 0, { what: "the loss" });
    expect(performance.now()).toBeLessThan(cutAt + 50 + 100);
  });

  it("is bounded anew by a sidecar that may have taken the claim, and was cut off before it answered", async () => {
    Object.assign(sidecar.sessions, { graceMs: 50, sidecar: "one" });
    const holder = await hold(store, sidecar, { leaseMs: 5_000 });
    sidecar.sessions.sidecar = "two";
    (await sidecar.sessions.open()).cut();
    await (await sidecar.sessions.open(2)).heard("claim");
    expect(holder.believedUntil()).toBe(holder.grant.validUntil);
    const cutAt = performance.now();
    isolate();
    await until(() => holder.losses.length > 0, { what: "the loss" });
    expect(performance.now()).toBeLessThan(cutAt + 50 + 100);
  });

  it("is claimed in time from another session where one does not answer", async () => {
    const holder = await hold(store, sidecar, { leaseMs: 1_000 });
    sidecar.sessions.onOpen = (session) => {
      session.answersPings = sidecar.sessions.opened.length > 2;
    };
    (await sidecar.sessions.open()).cut();
    const third = await sidecar.sessions.open(3);
    third.claimed(await third.heard("claim"));
    const claimedAt = performance.now();
    await until(() => holder.believedUntil() > claimedAt + 9_000, { what: "the claim" });
    expect(holder.losses).toEqual([]);
  });

  it("lives on as the store has confirmed it where nobody listens any more", async () => {
    sidecar.sessions.graceMs = 50;
    const holder = await hold(store, sidecar, { leaseMs: 600 });
    await sidecar.close();
    await until(() => holder.losses.length > 0, { what: "the loss" });
    expect(performance.now()).toBeGreaterThan(holder.grant.validUntil - 10);
  });

  it("outlives attempts that fail within the time that the sidecar keeps it", async () => {
    sidecar.sessions.graceMs = 200;
    const holder = await hold(store, sidecar);
    // As a sidecar does that is being killed: it still accepts connections.
    sidecar.sessions.refusal = (stream) => stream.destroy();
    (await sidecar.sessions.open()).cut();
    await until(() => sidecar.sessions.attempts >= 4, { what: "three more attempts" });
    sidecar.sessions.refusal = undefined;
    const next = await sidecar.sessions.open(2);
    next.claimed(await next.heard("claim"));
    const claimedAt = performance.now();
    await until(() => holder.believedUntil() > claimedAt + 9_000, { what: "the claim" });
    expect(holder.losses).toEqual([]);
  });

  it("is claimed from the sidecar that comes after", async () => {
    const { port } = new URL(await restartable());
    const holder = await hold(store, sidecar);
    await sidecar.close();
    sidecar = new FakeSidecar(json(200, { released: true }));
    await sidecar.listen(Number(port));
    const next = await sidecar.sessions.open();
    next.claimed(await next.heard("claim"));
    const claimedAt = performance.now();
    await until(() => holder.believedUntil() > claimedAt + 9_000, { what: "the claim" });
    expect(holder.losses).toEqual([]);
  });

  it("is released by plain HTTP meanwhile, and claimed by nobody", async () => {
    const holder = await hold(store, sidecar);
    isolate();
    await until(() => sidecar.sessions.attempts === 2, { what: "the next attempt" });
    expect(await store.release({ semaphore: "api", lease: "lease-of-the-key" })).toBe(true);
    expect(sidecar.asked.map(({ path }) => path)).toEqual(["/v1/semaphores/api/release"]);
    expect(holder.losses).toEqual([]);
  });

  async function restartable(): Promise<string> {
    await store.close();
    await sidecar.close();
    sidecar = new FakeSidecar(json(200, { released: true }));
    const url = await sidecar.listen();
    store = sidecarStore(url, { answerMs: 1_000 });
    return url;
  }
});

describe("a release in a session", () => {
  it("says whether the lease was still held", async () => {
    await hold(store, sidecar);
    const session = await sidecar.sessions.open();
    session.onMessage = (message) =>
      session.answer(message, { released: message.lease === "lease-of-the-key" });
    expect(await store.release({ semaphore: "api", lease: "lease-of-the-key" })).toBe(true);
    expect(await store.release({ semaphore: "api", lease: "another" })).toBe(false);
  });

  it("is made once more where its session was cut, and then was held if it was still good", async () => {
    await store.close();
    await sidecar.close();
    sidecar = new FakeSidecar(json(200, { released: false }));
    store = sidecarStore(await sidecar.listen());
    await hold(store, sidecar);
    const session = await sidecar.sessions.open();
    const release = store.release({ semaphore: "api", lease: "lease-of-the-key" });
    await session.heard("release");
    session.cut();
    expect(await release).toBe(true);
    expect(sidecar.asked).toHaveLength(1);
  });

  it("is made once more where it went by plain HTTP meanwhile, and the first answer was lost", async () => {
    await store.close();
    await sidecar.close();
    sidecar = new FakeSidecar(cut, json(200, { released: false }));
    store = sidecarStore(await sidecar.listen());
    await hold(store, sidecar);
    isolate();
    await until(() => sidecar.sessions.attempts === 2, { what: "the next attempt" });
    expect(await store.release({ semaphore: "api", lease: "lease-of-the-key" })).toBe(true);
    expect(await store.release({ semaphore: "api", lease: "lease-of-the-key" })).toBe(false);
    expect(sidecar.asked).toHaveLength(3);
  });
});

describe("a claim in a session", () => {
  it("tells all that is known of the lease, whose loss is told from then on", async () => {
    const losses: string[] = [];
    const restore = { permits: 2, fence: 9, leaseMs: 8_000, holder: "me", create: undefined };
    const claimed = store.claim("api", [
      { lease: "l", attempt: "", restore, onLost: (reason) => losses.push(reason) },
      { lease: "gone", attempt: "" },
    ]);
    const session = await sidecar.sessions.open();
    const claim = await session.heard("claim");
    expect(claim.leases).toEqual([
      { semaphore: "api", lease: "l", permits: 2, fence: 9, leaseMs: 8_000, holder: "me" },
      { semaphore: "api", lease: "gone" },
    ]);
    session.answer(claim, {
      at: session.now,
      leases: [
        { semaphore: "api", lease: "l", claimed: true, expiresInMs: 8_000 },
        { semaphore: "api", lease: "gone", claimed: false, expiresInMs: 0, reason: "lapsed" },
      ],
    });
    const [renewed, gone] = await claimed;
    expect(renewed).toMatchObject({ lease: "l", renewed: true });
    expect(gone).toEqual({ lease: "gone", renewed: false, reason: "lapsed" });
    session.tell({ event: "lost", semaphore: "api", lease: "l", reason: "revoked" });
    await until(() => losses.length > 0, { what: "the loss" });
  });

  it("goes by plain HTTP where there is no session", async () => {
    await store.close();
    await sidecar.close();
    sidecar = new FakeSidecar(json(200, { leases: [{ lease: "l", renewed: true, expiresInMs: 5_000 }] }));
    sidecar.sessions.refusal = (stream) => stream.destroy();
    store = sidecarStore(await sidecar.listen());
    const restore = { permits: 1, fence: 9, leaseMs: 8_000, holder: "me", create: undefined };
    expect(await store.claim("api", [{ lease: "l", attempt: "", restore }])).toMatchObject([
      { renewed: true },
    ]);
    expect(sidecar.bodies).toMatchObject([{ leases: [{ lease: "l", fence: 9 }] }]);
  });
});
