import type { Store } from "@sluice/core";
import { until, watchLateness } from "@sluice/testkit";
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { sidecarStore } from "../src/index.js";
import { request } from "./acquires.js";
import { blockLoop } from "./block-loop.js";
import { cut, FakeSidecar, json } from "./fake-sidecar.js";
import { type Holder, hold } from "./holders.js";
import { holdClock, turnAfter } from "./time.js";

let sidecar: FakeSidecar;
let store: Store;

beforeEach(async () => {
  sidecar = new FakeSidecar(json(200, { released: true }));
  store = sidecarStore(await sidecar.listen(), { answerMs: 1_000 });
});

afterEach(async () => {
  await store.close();
  await sidecar.close();
  vi.restoreAllMocks();
});

/** Cuts the session, and answers no attempt at another one. */
function isolate(): void {
  sidecar.sessions.refusal = () => {};
  for (const session of sidecar.sessions.opened) session.cut();
}

/** It is believed until then, and no longer. */
async function expectLostAt(moment: number, { losses }: Holder): Promise<void> {
  await turnAfter(moment);
  expect(losses).toEqual(["lapsed"]);
}

/** Notes how late this machine is from now on, beside the time. */
function stopwatch(): { readonly passedMs: () => number } {
  const startedAt = performance.now();
  const lateness = watchLateness();
  onTestFinished(() => lateness[Symbol.dispose]());
  return { passedMs: () => performance.now() - startedAt - lateness.totalMs };
}

/**
 * Its session has ended: it is believed for `graceMs` from when that was noticed, which is soon, and no longer.
 *
 * @param before how often its time was told before the end
 */
async function expectLostAfter(
  graceMs: number,
  holder: Holder,
  { passedMs }: ReturnType<typeof stopwatch>,
  before = 0,
): Promise<void> {
  const bounded = () => holder.confirmations.length > before;
  await until(bounded, { what: "the belief to be bounded" });
  expect(passedMs()).toBeLessThan(100);
  const [bound = 0, noticedAt = 0] = [holder.confirmations[before], holder.confirmedAt[before]];
  expect(bound).toBeLessThanOrEqual(noticedAt + graceMs);
  await expectLostAt(bound, holder);
}

describe("the belief in a lease of a session", () => {
  it("goes on for as long as the sidecar says that all are valid", async () => {
    const { grant, losses, believedUntil, confirmations } = await hold(store, sidecar, { leaseMs: 1_000 });
    const session = await sidecar.sessions.open();
    session.valid(10_000);
    const saidAt = performance.now();
    await until(() => confirmations.length > 0, { what: "the confirmation" });
    expect(believedUntil()).toBeGreaterThan(saidAt + 9_000);
    expect(believedUntil()).toBeLessThanOrEqual(saidAt + 10_000);
    const [renewed] = await store.renew("api", [{ lease: "lease-of-the-key" }]);
    expect(renewed).toEqual({ lease: "lease-of-the-key", renewed: true, validUntil: believedUntil() });
    expect(sidecar.asked).toEqual([]);
    await turnAfter(grant.validUntil);
    expect(losses).toEqual([]);
  });

  it("ends when nothing more is said, and the lease is given back", async () => {
    const holder = await hold(store, sidecar, { leaseMs: 300 });
    const session = await sidecar.sessions.open();
    await expectLostAt(holder.grant.validUntil, holder);
    expect(await session.heard("release")).toMatchObject({ semaphore: "api", lease: "lease-of-the-key" });
  });

  it("outlives a blocked loop where the sidecar has confirmed it meanwhile", async () => {
    const { losses, believedUntil } = await hold(store, sidecar, { leaseMs: 1_000 });
    const session = await sidecar.sessions.open();
    session.valid(5_000);
    blockLoop(1_200);
    const blockedUntil = performance.now();
    await until(() => believedUntil() > blockedUntil, { what: "the confirmation to be read" });
    expect(losses).toEqual([]);
  });

  it("does not outlive a blocked loop where nothing has come", async () => {
    const holder = await hold(store, sidecar, { leaseMs: 300 });
    blockLoop(600);
    await expectLostAt(performance.now(), holder);
  });

  it("covers what was granted before, and nothing that is granted later", async () => {
    const early = await hold(store, sidecar, { leaseMs: 1_000 });
    const session = await sidecar.sessions.open();
    session.valid(15_000);
    const late = await hold(store, sidecar, { lease: "late", leaseMs: 1_000 });
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
    const holder = await hold(store, sidecar);
    isolate();
    await expectLostAfter(300, holder, stopwatch());
    const [boundedAt = 0] = holder.confirmedAt;
    expect(holder.lostAt).toBeGreaterThan(boundedAt + 250);
  });

  it("is believed no longer than the store has confirmed it", async () => {
    const holder = await hold(store, sidecar, { leaseMs: 400 });
    isolate();
    await expectLostAt(holder.grant.validUntil, holder);
  });

  it("goes on when another session has taken its claim", async () => {
    sidecar.sessions.graceMs = 5_000;
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
    expect(holder.believedUntil()).toBeGreaterThan(claimedAt + 8_000);
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
    const clock = holdClock();
    (await sidecar.sessions.open()).cut();
    const next = await sidecar.sessions.open(2);
    const claim = await next.heard("claim");
    clock.letGo();
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
    const clock = holdClock();
    (await sidecar.sessions.open()).cut();
    const second = await sidecar.sessions.open(2);
    await second.heard("claim");
    const bound = holder.believedUntil();
    clock.letGo();
    expect(bound).toBeLessThan(performance.now() + 400);
    // From its own end the second one would keep it for longer.
    await turnAfter(performance.now() + 100);
    isolate();
    await expectLostAt(bound, holder);
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
    const ended = stopwatch();
    await sidecar.close();
    await expectLostAfter(150, holder, ended);
  });

  it("lives on as the store has confirmed it where another sidecar has taken the place of its own", async () => {
    Object.assign(sidecar.sessions, { graceMs: 50, sidecar: "one" });
    const holder = await hold(store, sidecar, { leaseMs: 600 });
    sidecar.sessions.sidecar = "two";
    const clock = holdClock();
    (await sidecar.sessions.open()).cut();
    await (await sidecar.sessions.open(2)).heard("claim");
    clock.letGo();
    await until(() => holder.losses.length > 0, { what: "the loss" });
    expect(performance.now()).toBeGreaterThan(holder.grant.validUntil - 10);
  });

  it("is believed no longer than it is kept where the same sidecar has not answered the claim", async () => {
    Object.assign(sidecar.sessions, { graceMs: 50, sidecar: "one" });
    const holder = await hold(store, sidecar, { leaseMs: 2_000 });
    const clock = holdClock();
    (await sidecar.sessions.open()).cut();
    await (await sidecar.sessions.open(2)).heard("claim");
    clock.letGo();
    expect(holder.believedUntil()).toBeLessThan(performance.now() + 50);
    await expectLostAt(holder.believedUntil(), holder);
  });

  it("is bounded anew by a sidecar that may have taken the claim, and was cut off before it answered", async () => {
    Object.assign(sidecar.sessions, { graceMs: 50, sidecar: "one" });
    const holder = await hold(store, sidecar, { leaseMs: 5_000 });
    sidecar.sessions.sidecar = "two";
    const clock = holdClock();
    (await sidecar.sessions.open()).cut();
    await (await sidecar.sessions.open(2)).heard("claim");
    clock.letGo();
    expect(holder.believedUntil()).toBe(holder.grant.validUntil);
    const told = holder.confirmations.length;
    isolate();
    await expectLostAfter(50, holder, stopwatch(), told);
  });

  it("is claimed in time from another session where one does not answer", async () => {
    const holder = await hold(store, sidecar, { leaseMs: 3_000 });
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
    const found = new Promise((resolve) => store.observe({ availability: resolve }));
    const clock = holdClock();
    await sidecar.close();
    expect(await found).toMatchObject({ up: false });
    clock.letGo();
    await until(() => holder.losses.length > 0, { what: "the loss" });
    expect(performance.now()).toBeGreaterThan(holder.grant.validUntil - 10);
  });

  it("outlives attempts that fail within the time that the sidecar keeps it", async () => {
    sidecar.sessions.graceMs = 3_000;
    // The longest pauses that there may be.
    vi.spyOn(Math, "random").mockReturnValue(1);
    const holder = await hold(store, sidecar);
    // As a sidecar does that is being killed: it still accepts connections.
    sidecar.sessions.refusal = (stream) => stream.destroy();
    (await sidecar.sessions.open()).cut();
    // Pauses that only grow would leave no time for so many. These leave a second for what follows.
    await until(() => sidecar.sessions.attempts >= 9, { what: "eight more attempts" });
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
