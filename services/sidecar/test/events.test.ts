import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { connect } from "node:net";
import { type Page, Semaphore, StoreUnavailableError } from "@sluice/core";
import { memoryStore } from "@sluice/core/memory";
import { until } from "@sluice/testkit";
import type { Response } from "express";
import { afterEach, describe, expect, it } from "vitest";
import { EventStream } from "../src/events/event-stream.js";
import { Feed, type Listener } from "../src/events/feed.js";
import { createLog } from "../src/log.js";
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

  constructor(options: { readonly everyMs?: number; readonly heartbeatMs?: number } = {}) {
    const log = createLog("error", (text) => this.logged.push(text));
    this.feed = new Feed({ store: { list: (page) => this.#list(page) }, log, everyMs: 5, ...options });
  }

  async looksAgain(): Promise<void> {
    // The look under way may have begun before.
    const enough = this.looks + 2;
    await until(() => this.looks >= enough, { what: "another look" });
  }

  #list(page?: Page) {
    this.looks += 1;
    return this.failure === undefined ? this.store.list(page) : Promise.reject(this.failure);
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
  it("is cut off before what it does not read grows without bound", async () => {
    const face = await Face.listen(() => {});
    const arrival = once(face.server, "request");
    const { hostname, port } = new URL(face.url);
    const deaf = connect(Number(port), hostname).pause();
    deaf.on("error", () => {});
    deaf.write("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n");
    const [, response] = (await arrival) as [IncomingMessage, Response];
    const stream = new EventStream(response);
    const text = `: ${"x".repeat(65_536)}\n\n`;
    let most = 0;
    while (!response.destroyed) {
      stream.send(text);
      most = Math.max(most, response.writableLength);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(most).toBeLessThan(4_500_000);
    stream.send(text);
    deaf.destroy();
    await face.close();
  });
});

describe("GET /v1/events", () => {
  let sidecar: Sidecar;
  afterEach(() => sidecar.close());

  it("ends when the sidecar does, and takes nobody new once it drains", async () => {
    sidecar = await startTestSidecar();
    await call(sidecar.url, "POST", "/v1/semaphores/api/acquire", { body: { limit: 1 } });
    const stream = await OpenStream.open(sidecar.url, "GET", "/v1/events");
    expect((await stream.event("semaphores")).semaphores).toMatchObject([{ semaphore: "api", inUse: 1 }]);
    const draining = sidecar.drain();
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
