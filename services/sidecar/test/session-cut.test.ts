import { memoryStore } from "@sluice/core/memory";
import { until } from "@sluice/testkit";
import { afterEach, describe, expect, it } from "vitest";
import { Folder } from "./folders.js";
import { call } from "./http.js";
import { problemOf } from "./session-client.js";
import { behindProxy, SessionScene } from "./session-scene.js";
import { shared } from "./sidecars.js";
import { OpenStream } from "./streams.js";

const scene = new SessionScene();

afterEach(() => scene.close());

describe("a session that its sidecar ends", () => {
  it("because it says what cannot be read is kept for as long as its client may believe", async () => {
    const one = await scene.start();
    await one.acquire("api", { leaseMs: 1_000 });
    // No later than the cut, which is seen some time after it.
    const saidAt = performance.now();
    one.socket.send("x".repeat(300_000));
    await until(() => scene.sidecar.sessionsOpen === 0, { what: "the cut" });
    await scene.becomes("it is given back", ({ inUse }) => inUse === 0);
    expect(performance.now() - saidAt).toBeGreaterThan(900);
  });

  it("because it does not read is cut off, and its leases are kept for as long as it may believe in them", async () => {
    const one = await scene.start();
    await one.acquire("api", { leaseMs: 5_000 });
    one.socket.pause();
    // Answers that nobody reads, of tens of thousands of bytes each.
    const leases = Array.from({ length: 1_000 }, (_, index) => ({
      semaphore: "api",
      lease: `none-${index}`,
    }));
    const asked = setInterval(() => one.send({ op: "claim", leases }), 1);
    await until(() => scene.sidecar.sessionsOpen === 0, { what: "the cut", timeoutMs: 15_000 });
    clearInterval(asked);
    const cutAt = performance.now();
    expect((await scene.look()).inUse).toBe(1);
    await scene.becomes("it is given back", ({ inUse }) => inUse === 0, 10_000);
    // Much longer than the 20 ms after which a client that knows of the end has stopped believing.
    expect(performance.now() - cutAt).toBeGreaterThan(1_000);
    one.vanish();
  }, 30_000);

  it("because its client has said nothing for a minute, not even to a ping, is cut off", async () => {
    await scene.startSidecar();
    const clock = performance.now;
    const one = await scene.session({ autoPong: false });
    const other = await scene.session();
    let pings = 0;
    one.socket.on("ping", () => {
      pings += 1;
    });
    try {
      performance.now = () => clock.call(performance) + 30_000;
      await until(() => pings > 0, { what: "a ping" });
      await other.ask({ op: "ping" });
      performance.now = () => clock.call(performance) + 61_000;
      await until(() => one.closeCode !== undefined, { what: "the cut" });
    } finally {
      performance.now = clock;
    }
    await other.ask({ op: "ping" });
  });
});

describe("a token that is withdrawn", () => {
  it("ends every connection that lasts", async () => {
    using folder = new Folder();
    const all = ["session", "hold", "events", "kept"].map((name) => ({
      name,
      token: `${name}-0123456789abcdef`,
      scopes: ["use", "read"],
    }));
    const file = (tokens: readonly object[]) => folder.write("tokens.json", JSON.stringify({ tokens }));
    await scene.startSidecar({ environment: { SLUICE_TOKENS_FILE: file(all) } });
    const bearer = (name: string) => ({ authorization: `Bearer ${name}-0123456789abcdef` });
    const session = (name: string) => scene.session({ headers: bearer(name) });
    const [kept, withdrawn] = [await session("kept"), await session("session")];
    const held = await OpenStream.open(scene.sidecar.url, "POST", "/v1/semaphores/api/hold", {
      body: { limit: 1, leaseMs: 500 },
      headers: bearer("hold"),
    });
    const events = await OpenStream.open(scene.sidecar.url, "GET", "/v1/events", {
      headers: bearer("events"),
    });
    file(all.slice(3));
    scene.sidecar.reload();
    await until(() => withdrawn.closeCode !== undefined && held.ended && events.ended, {
      what: "their ends",
    });
    await kept.ask({ op: "ping" });
    await scene.becomes("the permit is back", ({ inUse }) => inUse === 0);
  });
});

describe("a sidecar that ends", () => {
  it("tells its sessions, grants nothing more, keeps what they hold, and ends with the last of it", async () => {
    const one = await scene.start();
    const { lease } = await one.acquire("api", { leaseMs: 1_200 });
    const waits = one.send({ op: "acquire", semaphore: "api", waitMs: 60_000 });
    await scene.becomes("one waits", ({ waiting }) => waiting === 1);
    const drained = scene.sidecar.drain();
    await one.event("draining");
    expect(problemOf(await one.answerTo(waits))).toMatchObject({ code: "STORE_UNAVAILABLE" });
    expect(await one.problemTo({ op: "acquire", semaphore: "api" })).toMatchObject({
      code: "STORE_UNAVAILABLE",
    });
    await expect(scene.session()).rejects.toThrow(/503/);
    await until(() => one.events.filter(({ event }) => event === "valid").length >= 4, { what: "renewals" });
    await one.ask({ op: "release", semaphore: "api", lease });
    await drained;
    await until(() => one.closeCode !== undefined, { what: "the end" });
    expect(one.closeCode).toBe(1012);
  });

  it("gives back nothing that a client may still believe in", async () => {
    const memory = memoryStore();
    const one = await scene.start({ store: shared(memory) });
    await one.acquire("api", { leaseMs: 2_000 });
    await scene.sidecar.close();
    expect((await memory.inspect("api"))?.inUse).toBe(1);
    await until(async () => (await memory.inspect("api"))?.lapsesTotal === 1, { what: "its lapse" });
    await memory.close();
  });
});

describe("a session that has ended before its sidecar ends", () => {
  it("has nothing given back from then on, since nobody listens there to whoever would claim it", async () => {
    const memory = memoryStore();
    await scene.startSidecar({ store: shared(memory) });
    const one = await scene.session(behindProxy);
    await one.acquire("api", { leaseMs: 1_800 });
    const straggler = call(scene.sidecar.url, "POST", "/v1/semaphores/api/acquire", {
      body: { waitMs: 60_000 },
    });
    one.vanish();
    const lastsMs = async () => {
      const [held] = (await memory.inspect("api"))?.leases ?? [];
      return (held?.heldMs ?? 0) + (held?.expiresInMs ?? 0);
    };
    await until(async () => (await lastsMs()) > 1_900, { what: "a renewal after the end of the session" });
    const ending = scene.sidecar.close();
    await until(async () => (await memory.inspect("api"))?.inUse === 0, { what: "the end of the lease" });
    expect((await memory.inspect("api"))?.lapsesTotal).toBe(1);
    await Promise.all([ending, straggler]);
    await memory.close();
  });
});
