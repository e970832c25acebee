import { createConnection, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { type CutProxy, startCutProxy } from "../src/faults/cut-proxy.js";
import { seededRandom } from "../src/faults/random.js";
import { type RedisServer, startRedis } from "../src/redis/server.js";
import { FrameSplitter } from "../src/resp/frames.js";
import { decodeFrame, encodeRequest, type RespValue } from "../src/resp/values.js";
import { until } from "../src/until.js";

let redis: RedisServer;
let proxy: CutProxy;

beforeEach(async () => {
  redis = await startRedis();
  proxy = await startCutProxy(redis.port);
});
afterEach(async () => {
  await proxy.close();
  await redis.stop();
});

describe("a proxy that was told nothing", () => {
  it("changes nothing, over many requests at once", async () => {
    const client = connect();
    const numbers = Array.from({ length: 500 }, (_, index) => index);
    const replies = await Promise.all(numbers.map((number) => client.ask("ECHO", "x".repeat(number))));
    expect(replies.map((reply) => String(reply).length)).toEqual(numbers);
    expect(proxy.counts).toMatchObject({ connections: 1, requests: 500, cutBefore: 0, cutAfter: 0 });
  });

  it("ends the server's connection when the client's ends, and the other way round", async () => {
    connect().socket.end();
    await until(() => proxy.counts.connections === 1 && proxy.connections === 0, { what: "the end" });
    const client = connect();
    await client.ask("PING");
    await redis.kill();
    await client.ended;
    await until(() => proxy.connections === 0, { what: "the end" });
  });
});

describe("cuts", () => {
  it("cuts after the request was carried out, before its reply reaches the client", async () => {
    const client = connect();
    const cut = proxy.cutNext("cut-after", ({ command }) => command === "INCR");
    expect(await client.ask("SET", "count", 5)).toBe("OK");
    const lost = client.ask("incr", "count");
    expect(await cut).toMatchObject({ command: "INCR", args: ["count"] });
    await expect(lost).rejects.toThrow("connection ended");
    expect(await redis.command("GET", "count")).toBe("6");
    expect(await connect().ask("GET", "count")).toBe("6");
  });

  it("cuts before the request reaches the server", async () => {
    const cut = proxy.cutNext("cut-before");
    await expect(connect().ask("SET", "key", "value")).rejects.toThrow("connection ended");
    expect(await cut).toMatchObject({ command: "SET" });
    expect(await redis.command("GET", "key")).toBeNull();
  });

  it("cuts all connections now, and refuses new ones while told so", async () => {
    const clients = [connect(), connect()];
    await Promise.all(clients.map((client) => client.ask("PING")));
    proxy.refusing = true;
    proxy.cutAll();
    await Promise.all(clients.map((client) => client.ended));
    await expect(connect().ask("PING")).rejects.toThrow("connection ended");
    proxy.refusing = false;
    expect(await connect().ask("PING")).toBe("PONG");
  });

  it("cuts those that are chosen, and no others", async () => {
    const clients = [connect(), connect()] as const;
    for (const client of clients) await client.ask("PING");
    proxy.cutSome((connection) => connection === 1);
    await Promise.race(clients.map((client) => client.ended));
    const left = clients.filter(({ socket }) => !socket.destroyed);
    expect(left).toHaveLength(1);
    expect(await left[0]?.ask("PING")).toBe("PONG");
  });

  it("never loses count of what was carried out, over hundreds of random cuts", async () => {
    const seed = Math.floor(Math.random() * 2 ** 32);
    const random = seededRandom(seed);
    proxy.onRequest = () => (random() < 0.3 ? (random() < 0.5 ? "cut-before" : "cut-after") : "pass");
    let acknowledged = 0;
    while (proxy.counts.requests < 600) {
      const client = connect();
      await client.askUntilCut("INCR", "count", () => acknowledged++);
    }
    const count = Number(await redis.command("GET", "count"));
    expect({ seed, count }).toEqual({ seed, count: acknowledged + proxy.counts.cutAfter });
    expect(proxy.counts.cutBefore).toBeGreaterThan(50);
    expect(proxy.counts.cutAfter).toBeGreaterThan(50);
  });
});

describe("slow and silent networks", () => {
  it("delivers late, in order", async () => {
    const client = connect();
    await client.ask("PING");
    proxy.delay("toClient", 60);
    const start = performance.now();
    const slow = client.ask("ECHO", "slow");
    await until(() => proxy.counts.replies === 2, { what: "the reply that is late" });
    proxy.delay("toClient", 0);
    const replies = [slow, client.ask("ECHO", "fast")].map((reply) =>
      reply.then((value) => [value, performance.now() - start] as const),
    );
    const [[first, tookMs], [second, alsoMs]] = (await Promise.all(replies)) as [Timed, Timed];
    expect([first, second]).toEqual(["slow", "fast"]);
    expect(tookMs).toBeGreaterThanOrEqual(59);
    expect(alsoMs).toBeGreaterThanOrEqual(tookMs);
  });

  it("holds back the replies alone, so that the server carries out what nobody learns of", async () => {
    const client = connect();
    proxy.blackhole("toClient");
    const reply = client.ask("INCR", "count");
    await until(async () => (await redis.command("GET", "count")) === "1", { what: "the increment" });
    expect(client.received).toBe(0);
    proxy.heal();
    expect(await reply).toBe(1);
  });

  it("holds back requests, and the end of a connection", async () => {
    const client = connect();
    await client.ask("CLIENT", "SETNAME", "ghost");
    proxy.blackhole("toServer");
    client.ask("SET", "key", "value").catch(() => undefined);
    await until(() => proxy.counts.requests === 2, { what: "the request" });
    client.socket.end();
    await client.ended;
    expect(await redis.command("GET", "key")).toBeNull();
    expect(await redis.command("CLIENT", "LIST")).toContain("name=ghost");
    proxy.heal();
    await until(async () => (await redis.command("GET", "key")) === "value", { what: "the late request" });
  });
});

describe("a network that drips", () => {
  it("lets frames through in pieces, in order, and whole in the end", async () => {
    const client = connect();
    await client.ask("PING");
    let chunks = 0;
    client.socket.on("data", () => {
      chunks += 1;
    });
    proxy.drip("toClient", { bytes: 40, everyMs: 3 });
    const from = performance.now();
    const replies = await Promise.all(["a", "b"].map((letter) => client.ask("ECHO", letter.repeat(200))));
    expect(replies).toEqual(["a".repeat(200), "b".repeat(200)]);
    expect(chunks).toBeGreaterThan(5);
    expect(performance.now() - from).toBeGreaterThan(25);
    proxy.heal();
    expect(await client.ask("ECHO", "c".repeat(100_000))).toBe("c".repeat(100_000));
  });
});

it("leads new connections to another server, and leaves those that are open where they are", async () => {
  await using other = await startRedis();
  const [early, late] = [connect(), connect()];
  await early.ask("SET", "server", "first");
  await other.command("SET", "server", "second");
  await late.ask("PING");
  proxy.redirect(other.port);
  expect(await late.ask("GET", "server")).toBe("first");
  expect(await connect().ask("GET", "server")).toBe("second");
  proxy.cutAll();
  await early.ended;
  expect(await connect().ask("GET", "server")).toBe("second");
});

describe.each([2, 3])("published messages in RESP%i", (version) => {
  it("swallows one, and lets other messages and all replies through", async () => {
    const client = connect();
    await client.ask("HELLO", version);
    await client.ask("SUBSCRIBE", "inbox");
    const swallowed = proxy.swallowNext(({ channel }) => channel === "inbox");
    await redis.command("PUBLISH", "inbox", "lost");
    expect(await swallowed).toEqual({ connection: 1, kind: "message", channel: "inbox" });
    await redis.command("PUBLISH", "inbox", "seen");
    await until(() => client.pushes.length > 0, { what: "the second message" });
    expect(client.pushes).toEqual([["message", "inbox", "seen"]]);
    expect(proxy.counts.swallowed).toBe(1);
  });

  it("tells patterns and shard channels apart", async () => {
    const client = connect();
    await client.ask("HELLO", version);
    await client.ask("PSUBSCRIBE", "in*");
    await client.ask("SSUBSCRIBE", "shard");
    const seen: string[] = [];
    proxy.onPush = ({ kind, channel }) => {
      seen.push(`${kind} ${channel}`);
      return "swallow";
    };
    await redis.command("PUBLISH", "inbox", "1");
    await redis.command("SPUBLISH", "shard", "2");
    await until(() => seen.length === 2, { what: "both messages" });
    expect(seen).toEqual(["pmessage in*", "smessage shard"]);
  });

  it("knows which reply is whose while subscriptions of many channels come and go", async () => {
    const client = connect();
    await client.ask("HELLO", version);
    const cut = proxy.cutNext("cut-after", ({ command }) => command === "SET");
    client.tell("SUBSCRIBE", "a", "b", "c");
    client.tell("UNSUBSCRIBE", "b");
    client.tell("UNSUBSCRIBE");
    client.tell("UNSUBSCRIBE");
    client.tell("SUBSCRIBE");
    client.tell("SET", "key", "value");
    expect(await cut).toMatchObject({ args: ["key", "value"] });
    await client.ended;
    expect(await redis.command("GET", "key")).toBe("value");
    const [greeting, confirmations, errors] = [1, 7, 1];
    expect(client.received).toBe(greeting + confirmations + errors);
  });
});

it("does not take a list for a message where messages are marked", async () => {
  const client = connect();
  await client.ask("HELLO", 3);
  await client.ask("SUBSCRIBE", "inbox");
  await client.ask("RPUSH", "list", "message", "inbox", "text");
  proxy.onPush = () => "swallow";
  expect(await client.ask("LRANGE", "list", 0, -1)).toEqual(["message", "inbox", "text"]);
});

type Timed = readonly [RespValue, number];

/** The least that speaks to Redis: replies in order, published messages aside. */
class Client {
  readonly socket: Socket;
  readonly pushes: RespValue[] = [];
  readonly ended: Promise<void>;
  received = 0;
  readonly #waiting: { resolve(reply: RespValue): void; reject(error: Error): void }[] = [];

  constructor(port: number) {
    const splitter = new FrameSplitter();
    this.socket = createConnection({ host: "127.0.0.1", port, noDelay: true });
    this.socket.on("error", () => undefined);
    this.socket.on("data", (chunk) => {
      for (const frame of splitter.push(chunk)) this.#take(decodeFrame(frame));
    });
    this.ended = new Promise((resolve) => this.socket.once("close", () => resolve()));
    void this.ended.then(() => {
      for (const { reject } of this.#waiting) reject(new Error("connection ended"));
    });
  }

  tell(...words: (string | number)[]): void {
    this.socket.write(encodeRequest(words));
  }

  ask(...words: (string | number)[]): Promise<RespValue> {
    this.tell(...words);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
    });
  }

  async askUntilCut(command: string, key: string, acknowledge: () => void): Promise<void> {
    try {
      for (;;) {
        await this.ask(command, key);
        acknowledge();
      }
    } catch {
      await this.ended;
    }
  }

  #take(value: RespValue): void {
    this.received += 1;
    const isMessage = Array.isArray(value) && /^[ps]?message$/.test(String(value[0]));
    if (isMessage && this.#waiting.length === 0) this.pushes.push(value);
    else this.#waiting.shift()?.resolve(value);
  }
}

function connect(): Client {
  const client = new Client(proxy.port);
  onTestFinished(() => {
    client.socket.destroy();
  });
  return client;
}
