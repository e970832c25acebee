import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import { type Page, Semaphore, type SemaphorePage, StoreUnavailableError } from "@sluice/core";
import { memoryStore } from "@sluice/core/memory";
import { redisStore } from "@sluice/core/redis";
import { startRedis, until } from "@sluice/testkit";
import type { Response } from "express";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Access } from "../src/access/access.js";
import type { Scope } from "../src/access/caller.js";
import { createApp } from "../src/app.js";
import { Context } from "../src/context.js";
import { EventStream } from "../src/events/event-stream.js";
import { Feed, type Listener } from "../src/events/feed.js";
import { createLog } from "../src/log.js";
import type { Recovery } from "../src/operation/recovery.js";
import type { Sidecar } from "../src/sidecar.js";
import { Face } from "./face.js";
import { call } from "./http.js";
import { startTestSidecar } from "./sidecars.js";
import { OpenStream } from "./streams.js";

const definition = { limit: 1, leaseMs: 10_000, maxWaiters: 10 };

/** A store in memory that counts how often it is looked at, and a feed that looks often. */
class World {
  readonly store = memoryStore();
  readonly logged: string[] = [];
  readonly feed: Feed;
  looks = 0;
  failure: Error | undefined;
  /** As the store has told of it. */
  recovery: Recovery | undefined;
  /** Of every semaphore. */
  recovering = false;

  constructor(options: { readonly everyMs?: number; readonly heartbeatMs?: number } = {}) {
    const log = createLog("error", (text) => this.logged.push(text));
    const store = { list: (page?: Page) => this.#list(page) };
    this.feed = new Feed({ store, log, recovery: () => this.recovery, everyMs: 5, ...options });
  }

  async looksAgain(): Promise<void> {
    // The look under way may have begun before.
    const enough = this.looks + 2;
    await until(() => this.looks >= enough, { what: "another look" });
  }

  async #list(page?: Page): Promise<SemaphorePage> {
    this.looks += 1;
    if (this.failure !== undefined) throw this.failure;
    const { semaphores, ...rest } = await this.store.list(page);
    const { recovering } = this;
    return { semaphores: semaphores.map((status) => ({ ...status, recovering })), ...rest };
  }
}

class Ear implements Listener {
  readonly heard: string[] = [];
  ended = false;

  send(text: string): void {
    this.heard.push(text);
  }

  end(): void {
    this.ended = true;
  }

  get events(): string[] {
    return this.heard.filter((text) => text.startsWith("event: ")).map((text) => text.split("\n")[0] ?? "");
  }

  /** The data of all events of that name. */
  data(name: string): Record<string, unknown>[] {
    const start = `event: ${name}\ndata: `;
    return this.heard
      .filter((text) => text.startsWith(start))
      .map((text) => JSON.parse(text.slice(start.length)));
  }
}

describe("the feed", () => {
  it("looks at the store once for all who listen, and not at all when nobody does", async () => {
    const world = new World({ everyMs: 60_000 });
    const ears = [new Ear(), new Ear(), new Ear()];
    const leave = ears.map((ear) => world.feed.add(ear));
    await until(() => ears.every(({ heard }) => heard.length > 0), { what: "all to be told" });
    expect(world.looks).toBe(1);
    for (const left of leave) left();
    expect(world.feed.size).toBe(0);
    const late = new Ear();
    world.feed.add(late);
    await until(() => late.events.length > 0, { what: "the late one to be told" });
    expect(world.looks).toBe(2);
    world.feed.end();
  });

  it("tells newcomers everything at once where others listen already", async () => {
    const world = new World({ everyMs: 60_000 });
    world.feed.add(new Ear());
    await until(() => world.looks === 1, { what: "the first look" });
    await world.store.ping();
    const late = new Ear();
    world.feed.add(late);
    await until(() => late.events.length > 0, { what: "the newcomer to be told" });
    expect(late.events).toEqual(["event: semaphores"]);
    expect(world.looks).toBe(1);
    world.feed.end();
  });

  it("tells what changes, each time once, and not that leases grow older", async () => {
    const world = new World();
    await new Semaphore(world.store, "held", { limit: 1 }).acquire();
    const ear = new Ear();
    world.feed.add(ear);
    await world.looksAgain();
    await world.store.define("api", definition);
    await until(() => ear.events.includes("event: changed"), { what: "the change" });
    await world.looksAgain();
    await world.store.remove("api");
    await until(() => ear.events.includes("event: removed"), { what: "the removal" });
    await world.looksAgain();
    expect(ear.events).toEqual(["event: semaphores", "event: changed", "event: removed"]);
    world.feed.end();
  });

  it("says once that the store is away and once that it is back, and then what has changed", async () => {
    const world = new World();
    await world.store.define("old", definition);
    const ear = new Ear();
    world.feed.add(ear);
    await world.looksAgain();
    world.failure = new StoreUnavailableError("Redis is away");
    await until(() => ear.events.includes("event: store"), { what: "the loss" });
    const late = new Ear();
    world.feed.add(late);
    await world.looksAgain();
    await world.store.define("new", definition);
    world.failure = undefined;
    await until(() => ear.events.includes("event: changed"), { what: "the change" });
    expect(ear.events).toEqual(["event: semaphores", "event: store", "event: store", "event: changed"]);
    expect(late.events).toEqual(["event: store", "event: store", "event: semaphores"]);
    expect(ear.heard.join()).toContain('{"up":false,"detail":"Redis is away"}');
    expect(ear.heard.at(-1)).toContain('"semaphore":"new"');
    expect(ear.heard.at(-1)).not.toContain('"semaphore":"old"');
    world.feed.end();
  });

  it("tells nobody of an error that nobody has foreseen, and logs it whole", async () => {
    const world = new World();
    world.failure = new Error("the password is hunter2");
    const ear = new Ear();
    world.feed.add(ear);
    await until(() => ear.events.length > 0, { what: "the loss" });
    expect(ear.heard.join()).not.toContain("hunter2");
    expect(world.logged.join()).toContain("hunter2");
    world.feed.end();
  });

  it("tells of a recovery when it begins and when it is over, and to those who come meanwhile", async () => {
    const world = new World();
    const ear = new Ear();
    world.feed.add(ear);
    await world.looksAgain();
    world.recovery = { until: performance.now() + 60_000, cause: "the server has restarted" };
    await until(() => ear.data("recovery").length > 0, { what: "the recovery" });
    const late = new Ear();
    world.feed.add(late);
    await until(() => late.events.length > 1, { what: "the newcomer to be told" });
    expect(late.events).toEqual(["event: recovery", "event: semaphores"]);
    for (const { data } of [ear, late].map((one) => ({ data: one.data("recovery")[0] }))) {
      expect(data).toMatchObject({ active: true, cause: "the server has restarted" });
      expect(data?.untilMs).toBeGreaterThan(0);
      expect(data?.untilMs).toBeLessThanOrEqual(60_000);
    }
    await world.looksAgain();
    world.recovery = undefined;
    await until(() => ear.data("recovery").length > 1, { what: "its end" });
    await world.looksAgain();
    for (const one of [ear, late]) expect(one.data("recovery").slice(1)).toEqual([{ active: false }]);
    world.feed.end();
  });

  it("tells of a recovery that the semaphores alone show, and more of it once more is known", async () => {
    const world = new World();
    await world.store.define("api", definition);
    world.recovering = true;
    const ear = new Ear();
    world.feed.add(ear);
    await world.looksAgain();
    expect(ear.data("recovery")).toEqual([{ active: true }]);
    world.recovery = { until: performance.now() + 60_000, cause: "a promotion" };
    await until(() => ear.data("recovery").length > 1, { what: "more of it" });
    expect(ear.data("recovery")[1]).toMatchObject({ active: true, cause: "a promotion" });
    world.recovery = undefined;
    await world.looksAgain();
    expect(ear.data("recovery")).toHaveLength(2);
    world.recovering = false;
    await until(() => ear.data("recovery").length > 2, { what: "its end" });
    expect(ear.data("recovery")[2]).toEqual({ active: false });
    world.feed.end();
  });

  it("tells of a recovery after the store was away, and not while it is", async () => {
    const world = new World();
    world.failure = new StoreUnavailableError("Redis is away");
    const ear = new Ear();
    world.feed.add(ear);
    world.recovery = { until: performance.now() + 60_000, cause: "a restart" };
    await world.looksAgain();
    expect(ear.events).toEqual(["event: store"]);
    world.failure = undefined;
    await until(() => ear.events.includes("event: semaphores"), { what: "everything" });
    expect(ear.events).toEqual(["event: store", "event: store", "event: recovery", "event: semaphores"]);
    world.feed.end();
  });

  it("keeps quiet connections alive", async () => {
    const world = new World({ heartbeatMs: 1 });
    const ear = new Ear();
    world.feed.add(ear);
    await until(() => ear.heard.filter((text) => text === ": still here\n\n").length > 2, {
      what: "comments",
    });
    world.feed.end();
  });

  it("lets go of all listeners when it ends", async () => {
    const world = new World();
    const ears = [new Ear(), new Ear()];
    for (const ear of ears) world.feed.add(ear);
    await world.looksAgain();
    world.feed.end();
    expect(ears.every(({ ended }) => ended)).toBe(true);
    expect(world.feed.size).toBe(0);
  });
});

describe("a listener over HTTP", () => {
  let face: Face;
  let deaf: Socket;
  let response: Response;
  const text = `: ${"x".repeat(65_536)}\n\n`;

  beforeEach(async () => {
    face = await Face.listen(() => {});
    const arrival = once(face.server, "request");
    const { hostname, port } = new URL(face.url);
    deaf = connect(Number(port), hostname).pause();
    deaf.on("error", () => {});
    deaf.write("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n");
    [, response] = (await arrival) as [IncomingMessage, Response];
  });

  afterEach(async () => {
    deaf.destroy();
    await face.close();
  });

  it("is cut off before what it does not read grows without bound", async () => {
    const stream = new EventStream(response);
    let most = 0;
    while (!response.destroyed) {
      stream.send(text);
      most = Math.max(most, response.writableLength);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(most).toBeLessThan(4_500_000);
    stream.send(text);
  });

  it("is not waited for at the end, where it does not read", async () => {
    const stream = new EventStream(response);
    while (response.writableLength < 1_000_000) {
      stream.send(text);
      await new Promise((resolve) => setImmediate(resolve));
    }
    stream.end();
    expect(response.destroyed).toBe(false);
    await until(() => response.destroyed, { what: "the connection to be cut" });
  });
});

describe("GET /v1/events", () => {
  let sidecar: Sidecar;
  afterEach(() => sidecar.close());

  it("tells that the sidecar drains, takes nobody new from then on, and ends when the sidecar does", async () => {
    sidecar = await startTestSidecar();
    await call(sidecar.url, "POST", "/v1/semaphores/api/acquire", { body: { limit: 1 } });
    const stream = await OpenStream.open(sidecar.url, "GET", "/v1/events");
    expect((await stream.event("semaphores")).semaphores).toMatchObject([{ semaphore: "api", inUse: 1 }]);
    expect(stream.events.map(({ name }) => name)).not.toContain("draining");
    const draining = sidecar.drain();
    await stream.event("draining");
    expect((await call(sidecar.url, "GET", "/v1/events")).status).toBe(503);
    expect(stream.ended).toBe(false);
    await sidecar.close();
    await stream.end();
    await draining;
  });

  it("answers HEAD with its headers alone", async () => {
    sidecar = await startTestSidecar();
    const { status, headers, text } = await call(sidecar.url, "HEAD", "/v1/events");
    expect({ status, text }).toEqual({ status: 200, text: "" });
    expect(headers["content-type"]).toBe("text/event-stream");
  });
});

describe("who listens", () => {
  const token = "0123456789abcdef";
  const named = (scopes: readonly Scope[]) => [{ name: "on-call", token, scopes }];
  const headers = { authorization: `Bearer ${token}` };
  let access: Access;
  let face: Face;

  beforeEach(async () => {
    access = new Access({ tokens: named(["read", "use"]) });
    const log = createLog("error", () => {});
    const context = new Context({ store: memoryStore(), access, log, metricsMaxSemaphores: 100 });
    face = await Face.listen(createApp(context), () => context.close());
  });

  afterEach(() => face.close());

  const listen = () => OpenStream.open(face.url, "GET", "/v1/events", { headers });

  it("is told first what it is called and what it may do", async () => {
    const stream = await listen();
    await stream.event("semaphores");
    expect(stream.events[0]).toEqual({ name: "caller", data: { name: "on-call", scopes: ["read", "use"] } });
    expect(stream.text).not.toContain(token);
    access.useTokens(named(["operate"]));
    const operator = await listen();
    expect(await operator.event("caller")).toEqual({ name: "on-call", scopes: ["use", "read", "operate"] });
    stream.hangUp();
    operator.hangUp();
  });

  it("is let go of when its token is good for less than it was told, and not when it is for more", async () => {
    const stream = await listen();
    await stream.event("caller");
    access.useTokens(named(["operate"]));
    access.useTokens(named(["read", "use"]));
    const { status } = await call(face.url, "GET", "/v1/semaphores", { headers });
    expect({ status, ended: stream.ended }).toEqual({ status: 200, ended: false });
    access.useTokens(named(["read"]));
    await stream.end();
    const again = await listen();
    expect(await again.event("caller")).toEqual({ name: "on-call", scopes: ["read"] });
    again.hangUp();
  });
});

describe("over a Redis that restarts empty", () => {
  it("those who listen are told why nothing is granted, and when it is again", {
    timeout: 30_000,
  }, async () => {
    await using redis = await startRedis();
    const sidecar = await startSidecarOn(redis.url);
    const stream = await OpenStream.open(sidecar.url, "GET", "/v1/events");
    await stream.event("semaphores");
    await call(sidecar.url, "POST", "/v1/semaphores/api/acquire", { body: { limit: 1, leaseMs: 1_000 } });
    expect(stream.events.map(({ name }) => name)).not.toContain("recovery");
    await redis.restart({ empty: true });
    const acquiring = call(sidecar.url, "POST", "/v1/semaphores/api/acquire", {
      body: { limit: 1, waitMs: 10_000 },
    });
    const { untilMs, cause } = await stream.event("recovery", ({ active }) => active === true);
    expect(untilMs).toBeLessThanOrEqual(3_000);
    expect(cause).toEqual(expect.any(String));
    const late = await OpenStream.open(sidecar.url, "GET", "/v1/events");
    expect(await late.event("recovery")).toMatchObject({ active: true });
    await stream.event("recovery", ({ active }) => active === false);
    expect((await acquiring).status).toBe(200);
    await sidecar.close();
  });
});

function startSidecarOn(redisUrl: string): Promise<Sidecar> {
  const options = { maxLeaseMs: 3_000, assumeFresh: true };
  return startTestSidecar({ store: redisStore(redisUrl, options) });
}
