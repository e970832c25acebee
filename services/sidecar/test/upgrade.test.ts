import { once } from "node:events";
import { connect } from "node:net";
import { until } from "@sluice/testkit";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Sidecar } from "../src/sidecar.js";
import { call, problemIn } from "./http.js";
import { RawSession, upgradeBy } from "./session-client.js";
import { startTestSidecar } from "./sidecars.js";

let sidecar: Sidecar;

afterEach(() => sidecar.close());

const token = "correct-horse-battery";

describe("an upgrade", () => {
  it("opens a session", async () => {
    sidecar = await startTestSidecar();
    const answer = await upgradeBy(sidecar.url, {});
    expect(answer).toMatch(/^HTTP\/1\.1 101 /);
    expect(answer).toMatch(/sec-websocket-protocol: sluice\.v1/i);
  });

  it.each([
    ["from a page of another site", { origin: "https://evil.example" }, 403, "FORBIDDEN"],
    ["from a page without an origin", { origin: "null" }, 403, "FORBIDDEN"],
    ["from a page of another port of this host", { origin: "http://127.0.0.1:1" }, 403, "FORBIDDEN"],
    ["under a name that was made to point here", { host: "rebound.example" }, 403, "FORBIDDEN"],
    ["without the subprotocol", { "sec-websocket-protocol": "chat" }, 426, "UPGRADE_REQUIRED"],
    ["without a key", { "sec-websocket-key": "" }, 400, "INVALID_ARGUMENT"],
    ["of a version that was a draft", { "sec-websocket-version": "7" }, 400, "INVALID_ARGUMENT"],
  ])("%s is refused, and leaves the traces of a request", async (_how, headers, status, code) => {
    const logged: string[] = [];
    sidecar = await startTestSidecar({ logged });
    const answer = await upgradeBy(sidecar.url, headers);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(answer).toContain(`"code":"${code}"`);
    expect(sidecar.sessionsOpen).toBe(0);
    const route = "/v1/session";
    const { time, ...entry } = JSON.parse(String(logged[0]));
    expect(entry).toEqual({
      level: "debug",
      msg: "request",
      ...{ method: "GET", route, status, code, caller: "127.0.0.1" },
    });
    const { text } = await call(sidecar.url, "GET", "/metrics");
    expect(text).toContain(
      `sluice_http_request_duration_seconds_count{method="GET",route="${route}",status="${status}"} 1`,
    );
  });

  it("of a version that was a draft is told which one is spoken", async () => {
    sidecar = await startTestSidecar();
    const answer = await upgradeBy(sidecar.url, { "sec-websocket-version": "7" });
    expect(answer).toMatch(/sec-websocket-version: 13\r\n/i);
  });

  it("elsewhere is refused, and its path is no label", async () => {
    const logged: string[] = [];
    sidecar = await startTestSidecar({ logged });
    expect(await upgradeBy(sidecar.url, {}, "/v1/semaphores")).toMatch(/^HTTP\/1\.1 404 /);
    expect(JSON.parse(String(logged[0]))).toMatchObject({ route: "unknown", status: 404 });
  });

  it("without a token, or with another one, is refused where tokens are asked for", async () => {
    sidecar = await startTestSidecar({ environment: { SLUICE_TOKEN: token } });
    expect(await upgradeBy(sidecar.url, {})).toMatch(/^HTTP\/1\.1 401 [\s\S]*www-authenticate: Bearer/);
    expect(await upgradeBy(sidecar.url, { authorization: `Bearer ${token}x` })).toMatch(/^HTTP\/1\.1 401 /);
    expect(await upgradeBy(sidecar.url, { authorization: `Bearer ${token}` })).toMatch(/^HTTP\/1\.1 101 /);
  });

  it("beyond the number of sessions that a client may have is refused, until one of them ends", async () => {
    sidecar = await startTestSidecar({ environment: { SLUICE_MAX_SESSIONS_PER_CLIENT: "1" } });
    const one = await RawSession.open(sidecar.url);
    expect(await upgradeBy(sidecar.url, {})).toMatch(/^HTTP\/1\.1 429 [\s\S]*TOO_MANY_REQUESTS/);
    await one.goodbye();
    await until(() => sidecar.sessionsOpen === 0, { what: "the end of the session" });
    expect(await upgradeBy(sidecar.url, {})).toMatch(/^HTTP\/1\.1 101 /);
  });

  it("that is not finished leaves nothing behind", async () => {
    sidecar = await startTestSidecar({ environment: { SLUICE_MAX_SESSIONS_PER_CLIENT: "1" } });
    const { hostname, port } = new URL(sidecar.url);
    for (let count = 0; count < 5; count++) {
      const socket = connect({ host: hostname, port: Number(port) });
      socket.write("GET /v1/session HTTP/1.1\r\nupgrade: websocket\r\nconnection: upgrade\r\n");
      socket.destroy();
    }
    await until(async () => (await upgradeBy(sidecar.url, {})).startsWith("HTTP/1.1 101 "), {
      what: "a session",
    });
  });

  it("that was refused ends its connection, also where the client does not", async () => {
    sidecar = await startTestSidecar();
    const { hostname, port } = new URL(sidecar.url);
    const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
    socket.write(
      `GET /v1/session HTTP/1.1\r\nhost: evil.example\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n`,
    );
    socket.resume();
    socket.on("error", () => {});
    await once(socket, "end");
    await sidecar.drain();
    socket.destroy();
  });

  it("that is none, but a GET, is told what it should be", async () => {
    sidecar = await startTestSidecar();
    const answer = await call(sidecar.url, "GET", "/v1/session");
    expect(answer.status).toBe(426);
    expect(answer.headers.upgrade).toBe("websocket");
    expect(problemIn(answer).code).toBe("UPGRADE_REQUIRED");
  });
});

describe("the number of waiting acquires of a client", () => {
  it("is bounded, over HTTP and in sessions together", async () => {
    sidecar = await startTestSidecar({ environment: { SLUICE_MAX_WAITERS_PER_CLIENT: "2" } });
    const one = await RawSession.open(sidecar.url);
    await one.acquire("api");
    one.send({ op: "acquire", semaphore: "api", waitMs: 60_000 });
    one.send({ op: "acquire", semaphore: "api", waitMs: 60_000 });
    expect(await one.problemTo({ op: "acquire", semaphore: "api", waitMs: 60_000 })).toMatchObject({
      code: "TOO_MANY_REQUESTS",
      status: 429,
    });
    const http = await call(sidecar.url, "POST", "/v1/semaphores/api/acquire", { body: { waitMs: 1_000 } });
    expect(problemIn(http).code).toBe("TOO_MANY_REQUESTS");
    // A place that is kept for one who gave up is a place.
    const [gone, key] = ["gone", { "idempotency-key": "k" }];
    const keep = () =>
      call(sidecar.url, "POST", `/v1/semaphores/${gone}/acquire`, { body: { waitMs: 20 }, headers: key });
    await one.acquire(gone);
    expect(problemIn(await keep()).code).toBe("TOO_MANY_REQUESTS");
    // Who does not wait is not counted.
    expect(await one.problemTo({ op: "acquire", semaphore: "api" })).toMatchObject({
      code: "ACQUIRE_TIMEOUT",
    });
  });
});

describe("the number of semaphores made in passing", () => {
  it("is bounded; those that exist, or that an operator makes, can be used all the same", async () => {
    sidecar = await startTestSidecar({ environment: { SLUICE_MAX_SEMAPHORES: "2" } });
    const one = await RawSession.open(sidecar.url);
    await one.acquire("a", { limit: 5 });
    await one.acquire("b", { limit: 5 });
    expect(await one.problemTo({ op: "acquire", semaphore: "c", limit: 5 })).toMatchObject({
      code: "TOO_MANY_REQUESTS",
      detail: expect.stringMatching(/2 semaphores/),
    });
    expect(await sidecar.store.inspect("c")).toBeUndefined();
    await one.acquire("a", { limit: 5 });
    const told = { permits: 1, fence: 1, leaseMs: 1_000, limit: 5 };
    const claims = vi.spyOn(sidecar.store, "claim");
    await one.ask({
      op: "claim",
      leases: ["a", "c"].map((semaphore) => ({ semaphore, lease: "x", ...told })),
    });
    expect(claims.mock.calls.map(([name, [claim]]) => [name, claim?.restore?.create?.limit])).toEqual([
      ["a", 5],
      ["c", undefined],
    ]);
    await call(sidecar.url, "PUT", "/v1/semaphores/c", { body: { limit: 5 } });
    await one.acquire("c", { limit: 5 });
  });
});
