import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Store } from "@sluice/core";
import { until } from "@sluice/testkit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sidecarStore } from "../src/index.js";
import { request } from "./acquires.js";
import { FakeSidecar, json } from "./fake-sidecar.js";
import { hold } from "./holders.js";

const run = promisify(execFile);
const unavailable = { code: "STORE_UNAVAILABLE" };

let sidecar: FakeSidecar;
let store: Store;
let url: string;

beforeEach(async () => {
  sidecar = new FakeSidecar(json(200, { released: true }));
  url = await sidecar.listen();
  store = sidecarStore(url, { answerMs: 2_000 });
});

afterEach(async () => {
  await store.close();
  await sidecar.close();
});

describe("a store with a session that is closed", () => {
  it("says goodbye where it holds nothing", async () => {
    await hold(store, sidecar);
    const session = await sidecar.sessions.open();
    session.onMessage = (message) => session.answer(message, { released: true });
    await store.release({ semaphore: "api", lease: "lease-of-the-key" });
    await store.close();
    await until(() => session.endedWith !== undefined, { what: "the end of the session" });
    expect(session.endedWith).toBe(1000);
  });

  it("leaves what it holds to its time", async () => {
    const { losses } = await hold(store, sidecar);
    await store.close();
    const session = await sidecar.sessions.open();
    await until(() => session.endedWith !== undefined, { what: "the end of the session" });
    expect(session.endedWith).toBe(4000);
    expect(losses).toEqual([]);
  });

  it("leaves to its time what another session was asked to take over", async () => {
    await hold(store, sidecar);
    (await sidecar.sessions.open()).cut();
    const next = await sidecar.sessions.open(2);
    await next.heard("claim");
    await store.close();
    await until(() => next.endedWith !== undefined, { what: "the end of the session" });
    expect(next.endedWith).toBe(4000);
  });

  it("fails those who wait, takes them out of the queue, and gives back what crosses", async () => {
    const waiting = ["left", "crossing"].map((lease) => store.acquire(request({ lease, waitMs: 30_000 })));
    const refusals = waiting.map((asked) => expect(asked).rejects.toMatchObject(unavailable));
    const session = await sidecar.sessions.open();
    await session.heard("acquire", 2);
    session.onMessage = (message) => {
      const acquire = session.all("acquire").find(({ id }) => id === message.request);
      if (message.op === "release") session.answer(message, { released: true });
      else if (acquire?.idempotencyKey === "crossing") session.grant(acquire);
      else if (acquire) session.refuse(acquire, "ACQUIRE_ABORTED");
    };
    await store.close();
    await Promise.all(refusals);
    expect(session.all("release")).toMatchObject([{ lease: "lease-of-crossing" }]);
    await until(() => session.endedWith !== undefined, { what: "the end of the session" });
    expect(session.endedWith).toBe(1000);
  });

  it("does not wait for a sidecar that says nothing any more", async () => {
    const refused = expect(store.acquire(request({ waitMs: 30_000 }))).rejects.toMatchObject(unavailable);
    await (await sidecar.sessions.open()).heard("acquire");
    const closedAt = performance.now();
    await store.close();
    await refused;
    expect(performance.now() - closedAt).toBeLessThan(10_000);
  });

  it("ends an attempt at a session", async () => {
    sidecar.sessions.refusal = () => {};
    const refused = expect(store.acquire(request({ waitMs: 30_000 }))).rejects.toMatchObject(unavailable);
    await until(() => sidecar.sessions.attempts === 1, { what: "the attempt" });
    await store.close();
    await refused;
    await expect(store.acquire(request())).rejects.toMatchObject(unavailable);
  });

  it.each(["open", "closed"])(
    "lets its process end by itself, also while it is %s and idle",
    async (state) => {
      sidecar.sessions.onOpen = (session) => {
        session.onMessage = (message) => session.grant(message);
      };
      const child = fileURLToPath(new URL("children/idle.mjs", import.meta.url));
      const { stdout } = await run(process.execPath, [child, url, state], { timeout: 15_000 });
      expect(stdout).toBe("idle\n");
      expect(sidecar.sessions.opened).toHaveLength(1);
    },
  );

  it("keeps its process alive for one who waits, also while there is no session", async () => {
    let waits = 0;
    sidecar.sessions.onOpen = (session) => {
      session.onMessage = (message) => {
        waits += 1;
        if (waits < 3) session.cut();
        else session.grant(message);
      };
    };
    const child = fileURLToPath(new URL("children/idle.mjs", import.meta.url));
    const { stdout } = await run(process.execPath, [child, url, "open"], { timeout: 15_000 });
    expect(stdout).toBe("idle\n");
    expect(waits).toBe(3);
  });
});

describe("what observers hear of a session", () => {
  it("is when the sidecar goes and comes back", async () => {
    const heard: boolean[] = [];
    store.observe({ availability: ({ up }) => heard.push(up) });
    await hold(store, sidecar);
    const port = Number(new URL(url).port);
    await sidecar.close();
    await until(() => heard.length > 0, { what: "the end" });
    sidecar = new FakeSidecar(json(200, { released: true }));
    await sidecar.listen(port);
    await until(() => heard.length > 1, { what: "the return" });
    expect(heard).toEqual([false, true]);
  });

  it("is how long a request took without the wait for a permit", async () => {
    const heard: { durationMs: number; operations: number }[] = [];
    store.observe({ roundtrip: (event) => heard.push(event) });
    const askedAt = performance.now();
    const asked = store.acquire(request({ waitMs: 5_000 }));
    const session = await sidecar.sessions.open();
    const message = await session.heard("acquire");
    setTimeout(() => session.grant(message, { waitedMs: 290 }), 300);
    await asked;
    expect(heard).toMatchObject([{ operations: 1 }]);
    expect(heard[0]?.durationMs).toBeLessThanOrEqual(performance.now() - askedAt - 290);
    expect(heard[0]?.durationMs).toBeGreaterThan(0);
  });
});
