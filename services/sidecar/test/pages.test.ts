import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Sidecar } from "../src/sidecar.js";
import { type Answer, type CallOptions, call, problemIn } from "./http.js";
import { upgradeBy } from "./session-client.js";
import { startTestSidecar } from "./sidecars.js";

const path = "/v1/semaphores/api";

let sidecar: Sidecar;
let own: string;
let before: string;

beforeAll(async () => {
  sidecar = await startTestSidecar({ environment: { SLUICE_ALLOWED_HOSTS: "sluice.example" } });
  own = new URL(sidecar.url).host;
  await ask("PUT", path, { body: { limit: 1 } });
  before = await state();
});

afterAll(() => sidecar.close());

const ask = (method: string, where: string, options?: CallOptions): Promise<Answer> =>
  call(sidecar.url, method, where, options);

const state = async () => (await ask("GET", "/v1/semaphores")).text;

/** Everything that a page could want of a sidecar, and the upgrade. */
const wishes: readonly (readonly [method: string, path: string, body?: unknown])[] = [
  ["GET", "/"],
  ["GET", "/livez"],
  ["GET", "/metrics"],
  ["GET", "/openapi.json"],
  ["GET", "/v1/semaphores"],
  ["GET", path],
  ["GET", "/v1/events"],
  ["GET", "/v1/session"],
  ["GET", "/nothing"],
  ["PUT", path, { limit: 99 }],
  ["PATCH", path, { limit: 99 }],
  ["DELETE", path],
  ["POST", `${path}/acquire`, {}],
  ["POST", `${path}/hold`, {}],
  ["POST", `${path}/release`, { lease: "a" }],
  ["OPTIONS", path],
];

/** Every wish is refused as FORBIDDEN, tells a page nothing, and changes nothing. */
async function expectRefused(headers: Record<string, string>): Promise<void> {
  for (const [method, where, body] of wishes) {
    const answer = await ask(method, where, { headers, ...(body !== undefined && { body }) });
    expect(problemIn(answer), `${method} ${where}`).toMatchObject({ status: 403, code: "FORBIDDEN" });
    expectNoCors(answer);
  }
  const upgraded = await upgradeBy(sidecar.url, headers);
  expect(upgraded).toMatch(/^HTTP\/1\.1 403 /);
  expect(upgraded).toContain("FORBIDDEN");
  expect(await state()).toBe(before);
}

function expectNoCors({ headers }: Answer): void {
  expect(Object.keys(headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
}

describe("a page of another origin", () => {
  it.each([
    ["of another site", "https://evil.example"],
    ["of a file, or in a sandbox", "null"],
    ["of another server on this host", "http://localhost:3000"],
    ["of this host's name with another scheme", "https://OWN"],
    ["that names two origins", "http://OWN, https://evil.example"],
  ])("%s is refused, whatever it asks for", async (_what, origin) => {
    await expectRefused({ origin: origin.replace("OWN", own) });
  });

  it.each(["cross-site", "same-site"])("is refused where its browser says %s", async (site) => {
    await expectRefused({ "sec-fetch-site": site, "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image" });
  });

  it("cannot post a form, whose types are none of ours, even without an Origin", async () => {
    for (const type of [
      "text/plain",
      "application/x-www-form-urlencoded",
      "multipart/form-data; boundary=x",
    ]) {
      const body = '{"limit": 9}';
      const answer = await ask("POST", `${path}/acquire`, { body, headers: { "content-type": type } });
      expect(problemIn(answer).code).toBe("UNSUPPORTED_MEDIA_TYPE");
    }
    expect(await state()).toBe(before);
  });

  it("is not told by a preflight that it may ask, and neither is anybody else", async () => {
    const answer = await ask("OPTIONS", `${path}/acquire`, {
      headers: { "access-control-request-method": "POST", "access-control-request-headers": "content-type" },
    });
    expect(problemIn(answer).code).toBe("METHOD_NOT_ALLOWED");
    expectNoCors(answer);
  });

  it("may lead people to the console, and nowhere else", async () => {
    const visit = {
      "sec-fetch-site": "cross-site",
      "sec-fetch-mode": "navigate",
      "sec-fetch-dest": "document",
    };
    expect((await ask("GET", "/", { headers: visit })).status).not.toBe(403);
    expect((await ask("GET", "/?from=mail", { headers: visit })).status).not.toBe(403);
    expect((await ask("GET", "/v1/semaphores", { headers: visit })).status).toBe(403);
    expect((await ask("POST", "/", { headers: visit })).status).toBe(403);
    expect((await ask("GET", "/", { headers: { ...visit, "sec-fetch-dest": "iframe" } })).status).toBe(403);
  });
});

describe("a name that is made to lead here (DNS rebinding)", () => {
  it.each(["evil.example", "127.0.0.1.evil.example", "0.0.0.0", "[::]", "sluice.example.evil.example"])(
    "%s is refused, whatever it asks for, although it is the page's own origin",
    async (host) => {
      await expectRefused({
        host: `${host}:7077`,
        origin: `http://${host}:7077`,
        "sec-fetch-site": "same-origin",
      });
    },
  );

  it("is answered where it is a name of loopback, or listed", async () => {
    for (const host of [own, "localhost", "api.localhost:1234", "[::1]:7077", "sluice.example"])
      expect((await ask("GET", "/v1/semaphores", { headers: { host } })).status, host).toBe(200);
  });
});

describe("the console's own page", () => {
  it("may call, and open a session", async () => {
    const headers = { origin: `http://${own}`, "sec-fetch-site": "same-origin" };
    expect((await ask("GET", "/v1/semaphores", { headers })).status).toBe(200);
    expect(await upgradeBy(sidecar.url, headers)).toMatch(/^HTTP\/1\.1 101 /);
  });
});

describe("a request whose Host is", () => {
  it.each([
    ["missing", ["GET /livez HTTP/1.1"]],
    ["missing, in HTTP 1.0", ["GET /livez HTTP/1.0"]],
    ["empty", ["GET /livez HTTP/1.1", "host:"]],
    ["malformed", ["GET /livez HTTP/1.1", "host: user@localhost"]],
    ["given twice", ["GET /livez HTTP/1.1", "host: localhost", "host: evil.example"]],
  ])("%s is told so", async (_what, lines) => {
    const { hostname, port } = new URL(sidecar.url);
    const socket = connect(Number(port), hostname);
    socket.write(`${[...lines, "connection: close"].join("\r\n")}\r\n\r\n`);
    let received = "";
    for await (const chunk of socket) received += chunk;
    expect(received).toMatch(/^HTTP\/1\.1 400 /);
    expect(received).toContain("Host must be one host name or address");
  });
});
