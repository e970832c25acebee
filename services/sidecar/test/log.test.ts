import { once } from "node:events";
import { connect } from "node:net";
import type { StoreObserver } from "@sluice/core";
import { StoreUnavailableError } from "@sluice/core";
import { memoryStore } from "@sluice/core/memory";
import { afterEach, describe, expect, it, vi } from "vitest";
import { readable } from "../src/log/readable.js";
import { createLog, type Log } from "../src/log.js";
import { msLeft, type Recovery } from "../src/operation/recovery.js";
import { StoreWatch } from "../src/operation/store-watch.js";
import { call } from "./http.js";
import { startTestSidecar } from "./sidecars.js";

/** A log of this level, and what it has written. */
function kept(level: Parameters<typeof createLog>[0] = "debug") {
  const lines: string[] = [];
  const log = createLog(level, (line) => lines.push(line));
  return { log, lines, entries: () => lines.map((line) => JSON.parse(line)) };
}

describe("the log", () => {
  it("keeps to its level", () => {
    const { log, entries } = kept("warn");
    log.error("one");
    log.warn("two");
    log.info("three");
    log.debug("four");
    expect(entries().map(({ level, msg }) => `${level} ${msg}`)).toEqual(["error one", "warn two"]);
    expect(entries()[0].time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  it("has one JSON object a line, whatever is in it", () => {
    const { log, lines } = kept();
    log.info("a\nb", { semaphore: 'x\ny"\u2028\u001b' });
    expect(lines).toEqual([expect.stringMatching(/^[^\n]*\n$/)]);
    expect(JSON.parse(String(lines[0]))).toMatchObject({ msg: "a\nb", semaphore: 'x\ny"\u2028\u001b' });
  });

  it("shows errors with their stacks and causes, and none of their other properties", () => {
    const { log, lines, entries } = kept();
    const cause = Object.assign(new TypeError("inner"), { code: "E1", command: { args: ["hunter2"] } });
    log.info("b", { error: new AggregateError([new Error("one")], "outer", { cause }) });
    expect(entries()[0].error).toMatchObject({
      type: "AggregateError",
      message: "outer",
      stack: expect.stringContaining("log.test.ts"),
      cause: { type: "TypeError", message: "inner", code: "E1" },
      errors: [{ message: "one" }],
    });
    expect(lines.join()).not.toContain("hunter2");
  });

  it("ends with causes that go in a circle", () => {
    const { log, lines } = kept();
    const error = new Error("round");
    error.cause = error;
    log.info("c", { error });
    expect(lines).toHaveLength(1);
  });

  it("shows nothing of a field that has no business there", () => {
    const { log, lines } = kept();
    for (const name of ["token", "lease", "idempotencyKey", "authorization", "password"])
      log.info("d", { [name]: "hunter2" });
    expect(lines).toHaveLength(5);
    expect(lines.join()).not.toContain("hunter2");
  });

  it("is short lines for people at a terminal, who get no control characters", () => {
    let text = "";
    const destination = readable((more) => {
      text += more;
    });
    const log = createLog("info", (line) => destination.write(line));
    log.info("now\u001b[31m", { semaphore: "api", limit: 3, odd: "\u009b\u202e\n" });
    expect(text).toMatch(
      /^\S+Z info now\\u\{1b\}\[31m semaphore="api" limit=3 odd="\\u\{9b\}\\u\{202e\}\\n"\n$/,
    );
    text = "";
    log.error("b", { error: new Error("outer\u001b", { cause: new Error("inner") }) });
    expect(text).toMatch(
      /error b\n {2}error: Error: outer\\u\{1b\}\n +at .*log\.test\.ts[\s\S]*caused by Error: inner/,
    );
  });
});

describe("what is logged about the store", () => {
  afterEach(() => vi.useRealTimers());

  function watched(log: Log) {
    const observers: StoreObserver[] = [];
    const store = Object.assign(memoryStore(), {
      observe: (observer: StoreObserver) => {
        observers.push(observer);
        return () => observers.splice(0);
      },
    });
    return { store, tell: () => observers[0], watch: new StoreWatch(store, log) };
  }

  const said = (entries: { level: string; msg: string }[]) =>
    entries.map(({ level, msg }) => `${level} ${msg}`);

  const away = "warn the store is away; nothing is granted until it is back";
  const back = "info the store answers";

  it("is once that it is away, and once that it is back", () => {
    const { log, entries } = kept();
    const { tell, watch } = watched(log);
    for (const up of [true, false, false, true, true]) tell()?.availability?.({ up });
    expect(said(entries())).toEqual([away, back]);
    watch.stop();
  });

  it("is every ten seconds that it is still away, with the reason", async () => {
    vi.useFakeTimers();
    const { log, entries } = kept();
    const { store, tell, watch } = watched(log);
    store.ping = () => Promise.reject(new StoreUnavailableError("still away"));
    tell()?.availability?.({ up: false });
    await vi.advanceTimersByTimeAsync(9_999);
    expect(said(entries())).toEqual([away]);
    await vi.advanceTimersByTimeAsync(20_002);
    expect(said(entries())).toEqual([away, away, away, away]);
    expect(entries()[3]).toMatchObject({ cause: { message: "still away" } });
    tell()?.availability?.({ up: true });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(said(entries()).slice(4)).toEqual([back]);
    watch.stop();
  });

  it("is that it refuses us from the start, which it tells no observer", async () => {
    vi.useFakeTimers();
    const { log, entries } = kept();
    const store = memoryStore();
    const { ping } = store;
    store.ping = () => Promise.reject(new StoreUnavailableError("too old"));
    const watch = new StoreWatch(store, log);
    await vi.advanceTimersByTimeAsync(10_000);
    store.ping = ping;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(said(entries())).toEqual([away, away, back]);
    watch.stop();
  });

  it("is nothing more after the sidecar has closed it", async () => {
    vi.useFakeTimers();
    const { log, entries } = kept();
    const { tell, watch } = watched(log);
    const observer = tell();
    observer?.availability?.({ up: false });
    watch.stop();
    observer?.availability?.({ up: true });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(said(entries())).toEqual([away]);
  });

  it("is when a recovery begins and ends", () => {
    const { log, entries } = kept();
    const { tell, watch } = watched(log);
    expect(watch.recovery).toBeUndefined();
    tell()?.recovery?.({ active: true, untilMs: 5_000, cause: "the server has restarted" });
    expect(watch.recovery?.cause).toBe("the server has restarted");
    expect(msLeft(watch.recovery as Recovery)).toBeGreaterThan(4_000);
    tell()?.recovery?.({ active: false });
    expect(watch.recovery).toBeUndefined();
    expect(entries()).toMatchObject([
      { level: "warn", untilMs: 5_000, cause: "the server has restarted" },
      { level: "info", msg: "the store has recovered, and grants again" },
    ]);
    watch.stop();
  });
});

describe("what is logged about requests", () => {
  const path = "/v1/semaphores/api";

  it("is a line also for one that cannot be read, which counts as one", async () => {
    const logged: string[] = [];
    const sidecar = await startTestSidecar({ logged });
    const socket = connect(Number(new URL(sidecar.url).port), "127.0.0.1");
    socket.resume().write("<script>\r\n\r\n");
    await once(socket, "close");
    expect(logged.map((line) => JSON.parse(line))).toEqual([
      {
        ...{ time: expect.any(String), level: "debug", msg: "request", method: "other", route: "unknown" },
        ...{ status: 400, code: "INVALID_ARGUMENT", caller: "127.0.0.1" },
      },
    ]);
    expect((await call(sidecar.url, "GET", "/metrics")).text).toContain(
      'sluice_http_request_duration_seconds_count{method="other",route="unknown",status="400"} 1',
    );
    await sidecar.close();
  });

  it("is a line at debug for each, with the pattern of its path, and one at info for each change", async () => {
    const logged: string[] = [];
    const sidecar = await startTestSidecar({ logged });
    await call(sidecar.url, "PUT", path, { body: { limit: 3 } });
    const { body } = await call(sidecar.url, "POST", `${path}/acquire`, { body: {} });
    await call(sidecar.url, "DELETE", `${path}/leases/${body.lease}`);
    await call(sidecar.url, "POST", `${path}/release`, { body: { lease: body.lease } });
    await call(sidecar.url, "PATCH", path, { body: { limit: 2 } });
    await call(sidecar.url, "DELETE", path);
    await call(sidecar.url, "GET", "/v1/semaphores/no%20name");
    await call(sidecar.url, "GET", "/v1/secret");
    await sidecar.close();
    const entries = logged.map((line) => JSON.parse(line));
    const caller = "127.0.0.1";
    const name = "/v1/semaphores/:name";
    expect(entries.filter(({ level }) => level === "debug")).toMatchObject([
      { msg: "request", method: "PUT", route: name, status: 201, semaphore: "api", caller },
      { method: "POST", route: `${name}/acquire`, status: 200, semaphore: "api", caller },
      { method: "DELETE", route: `${name}/leases/:lease`, status: 204, semaphore: "api", caller },
      { method: "POST", route: `${name}/release`, status: 200, semaphore: "api", caller },
      { method: "PATCH", route: name, status: 200, semaphore: "api", caller },
      { method: "DELETE", route: name, status: 204, semaphore: "api", caller },
      { method: "GET", route: name, status: 400, caller },
      { method: "GET", route: "unknown", status: 404 },
    ]);
    for (const { durationMs } of entries.filter(({ level }) => level === "debug"))
      expect(durationMs).toBeGreaterThan(0);
    expect(entries.filter(({ level }) => level === "info")).toMatchObject([
      { msg: "semaphore defined", semaphore: "api", limit: 3, created: true, by: caller },
      { msg: "lease revoked", semaphore: "api", by: caller },
      { msg: "semaphore resized", semaphore: "api", limit: 2, by: caller },
      { msg: "semaphore removed", semaphore: "api", by: caller },
    ]);
    expect(logged.join()).not.toContain("no name");
    expect(logged.join()).not.toContain("secret");
  });
});
