import type { Duplex } from "node:stream";
import type { Store } from "@sluice/core";
import { until } from "@sluice/testkit";
import { afterEach, describe, expect, it, vi } from "vitest";
import { sidecarStore } from "../src/index.js";
import type { SidecarStoreOptions } from "../src/options.js";
import { request } from "./acquires.js";
import { upgradeAnswer, upgradeProblem } from "./fake-sessions.js";
import { FakeSidecar, grant, json } from "./fake-sidecar.js";
import { hold } from "./holders.js";
import { turnAfter } from "./time.js";

let sidecar: FakeSidecar;
let store: Store;

afterEach(async () => {
  vi.restoreAllMocks();
  await store.close();
  await sidecar.close();
});

async function start(
  answers: ConstructorParameters<typeof FakeSidecar>,
  options: SidecarStoreOptions = {},
): Promise<void> {
  sidecar = new FakeSidecar(...answers);
  store = sidecarStore(await sidecar.listen(), { answerMs: 2_000, ...options });
}

const renewed = json(200, { leases: [{ lease: "lease-of-the-key", renewed: true, expiresInMs: 10_000 }] });

describe("where sessions do not get through", () => {
  const obstacles: [string, (stream: Duplex) => void][] = [
    [
      "a proxy that speaks no WebSocket",
      upgradeAnswer("502 Bad Gateway", "<html>Bad Gateway</html>", "text/html"),
    ],
    ["a server that wants another upgrade", upgradeAnswer("426 Upgrade Required", "")],
    ["a page", upgradeAnswer("200 OK", "<html>Welcome</html>", "text/html")],
    ["a sidecar of an earlier release", upgradeProblem("404 Not Found", "NOT_FOUND")],
    ["a sidecar with too many sessions", upgradeProblem("429 Too Many Requests", "TOO_MANY_REQUESTS")],
    ["a firewall that swallows the upgrade", () => {}],
    ["a firewall that cuts it", (stream) => void stream.destroy()],
    [
      "another WebSocket server",
      (stream) =>
        void stream.write(
          "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: x\r\n\r\n",
        ),
    ],
  ];

  it.each(obstacles)("plain HTTP serves: %s", async (_name, obstacle) => {
    await start([grant(), renewed, json(200, { released: true })]);
    sidecar.sessions.refusal = obstacle;
    const result = await store.acquire(request({ waitMs: 10_000 }));
    expect(result).toMatchObject({ outcome: "granted", lease: "granted-lease" });
    await store.renew("api", [{ lease: "granted-lease" }]);
    expect(await store.release({ semaphore: "api", lease: "granted-lease" })).toBe(true);
    expect(sidecar.asked.map(({ path }) => path.split("/").at(-1))).toEqual(["acquire", "renew", "release"]);
    // The same acquire by either way: its key and body are those of a session.
    expect(sidecar.asked[0]?.headers["idempotency-key"]).toBe("the-key");
    expect(sidecar.sessions.attempts).toBe(1);
  });

  it("a session is tried again after a minute, while plain HTTP goes on", async () => {
    await start([grant()]);
    sidecar.sessions.refusal = upgradeAnswer("426 Upgrade Required", "");
    await store.acquire(request());
    await store.acquire(request());
    expect(sidecar.sessions.attempts).toBe(1);
    sidecar.sessions.refusal = undefined;
    const now = performance.now.bind(performance);
    vi.spyOn(performance, "now").mockImplementation(() => now() + 60_000);
    await store.acquire(request());
    const session = await sidecar.sessions.open();
    await session.heard("ping");
    expect(sidecar.asked).toHaveLength(3);
    await until(() => session.said.length > 0, { what: "the session to begin" });
    const asked = store.acquire(request({ lease: "by-session" }));
    session.grant(await session.heard("acquire"));
    expect(await asked).toMatchObject({ outcome: "granted", lease: "lease-of-by-session" });
  });

  it("leases of a session that has ended are claimed by plain HTTP, and renewed from here", async () => {
    await start([renewed]);
    const holder = await hold(store, sidecar);
    sidecar.sessions.refusal = upgradeProblem("429 Too Many Requests", "TOO_MANY_REQUESTS");
    (await sidecar.sessions.open()).cut();
    const cutAt = performance.now();
    await until(() => sidecar.sessions.attempts === 2, { what: "the next attempt" });
    const [result] = await store.renew("api", [{ lease: "lease-of-the-key" }]);
    expect(result).toMatchObject({ renewed: true });
    expect(sidecar.bodies[0]?.leases).toMatchObject([{ lease: "lease-of-the-key", permits: 1, fence: 7 }]);
    await until(() => holder.believedUntil() > cutAt + 9_000, { what: "the renewal" });
    await store.renew("api", [{ lease: "lease-of-the-key" }]);
    expect(sidecar.bodies.at(-1)).toEqual({ leases: ["lease-of-the-key"] });
    expect(holder.losses).toEqual([]);
  });

  it("a store that is told so does not try a session", async () => {
    await start([grant()], { session: false });
    await store.acquire(request());
    expect(sidecar.sessions.attempts).toBe(0);
  });
});

describe("a sidecar that refuses sessions by itself", () => {
  it.each([
    ["401 Unauthorized", "UNAUTHENTICATED"],
    ["403 Forbidden", "FORBIDDEN"],
  ] as const)("fails the callers: %s", async (status, code) => {
    await start([grant()]);
    sidecar.sessions.refusal = upgradeProblem(status, code);
    await expect(store.acquire(request({ waitMs: 10_000 }))).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
      message: expect.stringContaining(`refuses: ${code}, of ${code}`),
    });
    expect(sidecar.asked).toEqual([]);
  });

  it("because it is about to end is waited for", async () => {
    await start([grant()]);
    sidecar.sessions.refusal = upgradeProblem("503 Service Unavailable", "STORE_UNAVAILABLE");
    const asked = store.acquire(request({ waitMs: 10_000 }));
    await until(() => sidecar.sessions.attempts > 2, { what: "some attempts" });
    sidecar.sessions.refusal = undefined;
    const session = await sidecar.sessions.open();
    session.grant(await session.heard("acquire"));
    expect(await asked).toMatchObject({ outcome: "granted" });
    expect(sidecar.asked).toEqual([]);
  });

  it("stays away where a session got through a moment ago", async () => {
    await start([grant()]);
    await hold(store, sidecar);
    sidecar.sessions.refusal = upgradeAnswer("502 Bad Gateway", "no upstream");
    (await sidecar.sessions.open()).cut();
    await until(() => sidecar.sessions.attempts > 3, { what: "some attempts" });
    sidecar.sessions.refusal = undefined;
    const next = await sidecar.sessions.open(2);
    await next.heard("claim");
    expect(sidecar.asked).toEqual([]);
  });
});

describe("a sidecar that drains", () => {
  it("gets no new acquires, and keeps what it holds until it ends", async () => {
    await start([grant()]);
    const holder = await hold(store, sidecar);
    const old = await sidecar.sessions.open();
    old.tell({ event: "draining" });
    old.valid(20_000);
    await until(() => holder.confirmations.length > 0, { what: "the confirmation" });
    const asked = store.acquire(request({ lease: "later", waitMs: 10_000 }));
    const next = await sidecar.sessions.open(2);
    next.grant(await next.heard("acquire"));
    expect(await asked).toMatchObject({ outcome: "granted", lease: "lease-of-later" });
    expect(old.all("acquire")).toHaveLength(1);
    expect(next.all("claim")).toEqual([]);
    const release = store.release({ semaphore: "api", lease: "lease-of-later" });
    next.answer(await next.heard("release"), { released: true });
    expect(await release).toBe(true);
    old.close(1012);
    expect((await next.heard("claim")).leases).toMatchObject([{ lease: "lease-of-the-key" }]);
    expect(holder.losses).toEqual([]);
  });

  it("hands those who wait over to the next one", async () => {
    await start([grant()]);
    const asked = store.acquire(request({ waitMs: 10_000 }));
    const old = await sidecar.sessions.open();
    const message = await old.heard("acquire");
    sidecar.sessions.refusal = upgradeProblem("503 Service Unavailable", "STORE_UNAVAILABLE");
    old.tell({ event: "draining" });
    old.refuse(message, "STORE_UNAVAILABLE");
    await until(() => sidecar.sessions.attempts > 2, { what: "some attempts" });
    sidecar.sessions.refusal = undefined;
    const next = await sidecar.sessions.open(2);
    const again = await next.heard("acquire");
    expect(again.idempotencyKey).toBe("the-key");
    next.grant(again);
    expect(await asked).toMatchObject({ outcome: "granted" });
  });
});

describe("a sidecar that falls silent", () => {
  it("is replaced by another session, which claims the leases before the silent one is left", async () => {
    await start([grant()]);
    const holder = await hold(store, sidecar, { leaseMs: 3_000 });
    const waiting = store.acquire(request({ lease: "waiting", waitMs: 20_000 }));
    const silent = await sidecar.sessions.open();
    await silent.heard("acquire", 2);
    silent.answersPings = false;
    const next = await sidecar.sessions.open(2);
    const claim = await next.heard("claim");
    expect(silent.endedWith).toBeUndefined();
    expect(holder.losses).toEqual([]);
    next.claimed(claim);
    await until(() => silent.endedWith === 1006, { what: "the silent session to be left" });
    next.grant(await next.heard("acquire"));
    expect(await waiting).toMatchObject({ lease: "lease-of-waiting" });
    expect(holder.believedUntil()).toBeGreaterThan(performance.now() + 8_000);
    expect(holder.losses).toEqual([]);
  });

  it("is not given up as long as it answers pings", async () => {
    await start([grant()]);
    const holder = await hold(store, sidecar, { leaseMs: 2_000 });
    const session = await sidecar.sessions.open();
    await session.heard("ping", 2);
    session.valid(5_000);
    await until(() => holder.confirmations.length > 0, { what: "the confirmation" });
    expect(sidecar.sessions.attempts).toBe(1);
  });

  it("loses its leases in time where no other session is to be had", async () => {
    await start([grant()]);
    const holder = await hold(store, sidecar, { leaseMs: 600 });
    const session = await sidecar.sessions.open();
    session.answersPings = false;
    sidecar.sessions.refusal = () => {};
    await turnAfter(holder.grant.validUntil);
    expect(holder.losses).toEqual(["lapsed"]);
  });
});
