import { memoryStore } from "@sluice/core/memory";
import { until } from "@sluice/testkit";
import { afterEach, describe, expect, it } from "vitest";
import { problemOf } from "./session-client.js";
import { SessionScene } from "./session-scene.js";

const scene = new SessionScene();

afterEach(() => scene.close());

describe("a message", () => {
  it("that is no JSON is answered, and the session goes on", async () => {
    const one = await scene.start();
    one.socket.send("{");
    expect(problemOf(await one.answerTo(null))).toMatchObject({ code: "INVALID_ARGUMENT" });
    await one.ask({ op: "ping" });
  });

  it("in binary is answered, and the session goes on", async () => {
    const one = await scene.start();
    one.socket.send(Buffer.from([1, 2, 3]), { binary: true });
    expect(problemOf(await one.answerTo(null)).detail).toMatch(/text/);
    await one.ask({ op: "ping" });
  });

  it("that asks for nothing known is told each fault under its own id", async () => {
    const one = await scene.start();
    expect(await one.problemTo({ op: "dance" })).toMatchObject({
      code: "INVALID_ARGUMENT",
      detail: expect.stringMatching(/op/),
    });
    expect(await one.problemTo({ op: "acquire", semaphore: "../x", permits: 0, colour: 1 })).toMatchObject({
      errors: expect.arrayContaining([expect.objectContaining({ argument: "colour" })]),
    });
    one.socket.send(JSON.stringify({ id: { a: 1 }, op: "ping" }));
    expect(problemOf(await one.answerTo(null)).errors).toMatchObject([{ argument: "id" }]);
  });

  it("that bears the id of an acquire that waits is refused", async () => {
    const one = await scene.start();
    await one.acquire("api");
    one.socket.send(JSON.stringify({ id: "same", op: "acquire", semaphore: "api", waitMs: 60_000 }));
    await scene.becomes("one waits", ({ waiting }) => waiting === 1);
    one.socket.send(JSON.stringify({ id: "same", op: "acquire", semaphore: "api", waitMs: 60_000 }));
    expect(problemOf(await one.answerTo("same"))).toMatchObject({ code: "INVALID_ARGUMENT" });
    expect((await scene.look()).waiting).toBe(1);
  });

  it("that comes while a thousand others are under way is not read before some are answered", async () => {
    const memory = memoryStore();
    const release = memory.release.bind(memory);
    let asked = 0;
    let open!: () => void;
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    memory.release = async (request) => {
      asked += 1;
      await opened;
      return release(request);
    };
    const one = await scene.start({ store: memory });
    const other = await scene.session();
    let last = 0;
    for (let count = 0; count < 20_000; count++) {
      last = one.send({ op: "release", semaphore: "api", lease: `x${count}` });
    }
    await until(() => asked >= 1_000, { what: "a thousand releases" });
    await other.ask({ op: "ping" });
    // What was read in one piece with the thousandth is served.
    expect(asked).toBeLessThan(8_000);
    open();
    expect(await one.answerTo(last)).toMatchObject({ ok: true, released: false });
    expect(asked).toBe(20_000);
  });

  it("that asks without waiting counts among those that are under way", async () => {
    const memory = memoryStore();
    let asked = 0;
    memory.acquire = () => {
      asked += 1;
      return new Promise(() => {});
    };
    const one = await scene.start({ store: memory });
    const other = await scene.session();
    for (let count = 0; count < 20_000; count++) one.send({ op: "acquire", semaphore: "api", limit: 1 });
    await until(() => asked >= 1_000, { what: "a thousand acquires" });
    await other.ask({ op: "ping" });
    // What was read in one piece with the thousandth is served.
    expect(asked).toBeLessThan(8_000);
    one.vanish();
  });

  it("that is too large ends its session alone", async () => {
    const one = await scene.start();
    const other = await scene.session();
    one.socket.send("x".repeat(300_000));
    await until(() => one.closeCode !== undefined, { what: "the end" });
    expect(one.closeCode).toBe(1009);
    await other.ask({ op: "ping" });
  });
});
