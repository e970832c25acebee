import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { IncomingMessage, RequestListener } from "node:http";
import { request } from "node:https";
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { memoryStore } from "@sluice/core/memory";
import { until } from "@sluice/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createApp } from "../src/app.js";
import { Context } from "../src/context.js";
import { serveWithoutUpgrade } from "../src/http/without-upgrade.js";
import { createLog } from "../src/log.js";
import { certificates } from "./certificates.js";
import { Face } from "./face.js";
import { call } from "./http.js";
import { startTestSidecar } from "./sidecars.js";

const app = (): [RequestListener, () => void] => {
  const log = createLog("error", () => {});
  const context = new Context({ store: memoryStore(), log, metricsMaxSemaphores: 10 });
  return [createApp(context), () => context.close()];
};

/** What is answered to what is sent, until the other end closes. */
async function exchange(url: string, sent: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => {});
  socket.write(sent);
  let received = "";
  socket.on("data", (chunk) => {
    received += chunk;
  });
  await once(socket, "close");
  return received;
}

describe("every answer", () => {
  let face: Face;

  beforeAll(async () => {
    face = await Face.listen(...app());
  });
  afterAll(() => face.close());

  it.each([
    ["GET", "/livez"],
    ["GET", "/v1/semaphores"],
    ["GET", "/metrics"],
    ["GET", "/nothing"],
    ["PUT", "/livez"],
  ])("to %s %s tells browsers to do nothing with it", async (method, path) => {
    const { headers } = await call(face.url, method, path);
    expect(headers).toMatchObject({
      "cache-control": "no-store",
      "content-security-policy":
        "default-src 'none';base-uri 'none';form-action 'none';frame-ancestors 'none'",
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-resource-policy": "same-origin",
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
      "x-frame-options": "DENY",
    });
    expect(headers).not.toHaveProperty("strict-transport-security");
    expect(headers).not.toHaveProperty("x-powered-by");
    expect(headers["content-type"]).toMatch(/^(application\/(problem\+)?json|text\/plain;.*)$/);
  });

  it("to what is no request is no page either", async () => {
    const received = await exchange(face.url, "<script>alert(1)</script>\r\n\r\n");
    expect(received).toMatch(/^HTTP\/1\.1 400 /);
    expect(received).toContain("content-type: application/problem+json\r\n");
    expect(received).toContain("x-content-type-options: nosniff\r\n");
    expect(received).not.toContain("<script>");
  });

  it("shows a holder as the text that it is", async () => {
    const holder = `</script>"\\'<img src=x onerror=alert(1)>&`;
    await call(face.url, "POST", "/v1/semaphores/api/acquire", { body: { limit: 1, holder } });
    const { text, headers } = await call(face.url, "GET", "/v1/semaphores/api");
    expect(headers["content-type"]).toBe("application/json");
    expect(JSON.parse(text).leases).toMatchObject([{ holder }]);
    expect((await call(face.url, "GET", "/metrics")).text).not.toContain("onerror");
  });
});

describe("a server", () => {
  it("is patient with answers, and not with requests", async () => {
    const face = await Face.listen(() => {});
    expect(face.server.headersTimeout).toBeLessThanOrEqual(10_000);
    expect(face.server.requestTimeout).toBeLessThanOrEqual(20_000);
    expect(face.server.timeout).toBe(0);
    await face.close();
  });

  it("tells whoever does not get its headers across in time, and closes", async () => {
    const face = await Face.listen(() => {});
    face.server.headersTimeout = 50;
    face.server.requestTimeout = 50;
    // What the clock of the server does every few seconds.
    const received = exchange(face.url, "GET /livez HTTP/1.1\r\nhost: local");
    await once(face.server, "connection");
    const { code } = await timedOut(face);
    expect(code).toBe("ERR_HTTP_REQUEST_TIMEOUT");
    expect(await received).toContain("the request must arrive within 20 seconds");
    await face.close();
  }, 15_000);
});

async function timedOut({ server }: Face): Promise<NodeJS.ErrnoException> {
  const [error] = await once(server, "clientError");
  return error;
}

describe("an offer to change to another protocol than a session's", () => {
  const offer = {
    connection: "Upgrade, HTTP2-Settings",
    upgrade: "h2c",
    "http2-settings": "AAMAAABkAAQAAP__",
  };

  it("is passed over: the request is served as any other", async () => {
    const sidecar = await startTestSidecar();
    const acquire = (headers: Record<string, string>) =>
      call(sidecar.url, "POST", "/v1/semaphores/api/acquire", {
        body: { limit: 1, holder: "Jürgen" },
        headers: { "content-type": "application/json", ...headers },
      });
    const { status, body } = await acquire(offer);
    expect(status).toBe(200);
    expect(body).toMatchObject({ semaphore: "api" });
    expect((await acquire({ ...offer, origin: "https://evil.example" })).status).toBe(403);
    expect((await call(sidecar.url, "GET", "/v1/session", { headers: offer })).status).toBe(426);
    await sidecar.close();
  });

  it("is passed over where it comes in pieces, and so is the next one on the connection", async () => {
    const sidecar = await startTestSidecar();
    const { hostname, port } = new URL(sidecar.url);
    const socket = connect(Number(port), hostname);
    const head =
      "host: localhost\r\nconnection: upgrade\r\nupgrade: h2c\r\ncontent-type: application/json\r\n";
    socket.write(`PUT /v1/semaphores/a HTTP/1.1\r\n${head}content-length: 12\r\n\r\n{"lim`);
    // The rest must not be there yet when the headers are read.
    await until(async () => (await call(sidecar.url, "GET", "/livez")).status === 200, { what: "a turn" });
    socket.write(`it": 5}PUT /v1/semaphores/b HTTP/1.1\r\n${head}content-length: 12\r\n\r\n{"limit": 6}`);
    await until(async () => (await sidecar.store.inspect("b")) !== undefined, { what: "both to be served" });
    expect(await sidecar.store.inspect("a")).toMatchObject({ limit: 5 });
    socket.destroy();
    await sidecar.close();
  });
});

describe("TLS", () => {
  const { cert, key } = certificates.server;
  let face: Face;

  beforeAll(async () => {
    const [listener, end] = app();
    face = await Face.listen(listener, end, { tls: { cert: readFileSync(cert), key: readFileSync(key) } });
  });
  afterAll(() => face.close());

  /** The status, and whose certificate was shown. */
  function get(
    headers: Record<string, string> = {},
    options = {},
  ): Promise<{ status: number; name: string }> {
    return new Promise((resolve, reject) => {
      const asked = request(`${face.url}/livez`, {
        agent: false,
        rejectUnauthorized: false,
        headers,
        ...options,
      });
      asked.once("response", (response) => {
        const { subject } = (asked.socket as TLSSocket).getPeerCertificate();
        response.resume();
        resolve({ status: response.statusCode ?? 0, name: String(subject.CN) });
      });
      asked.once("error", reject);
      asked.end();
    });
  }

  it("is spoken where there is a certificate", async () => {
    expect(await get()).toEqual({ status: 200, name: "localhost" });
  });

  it("has an origin of its own: that of the same host without TLS is foreign", async () => {
    const { host } = new URL(face.url);
    expect((await get({ origin: `https://${host}` })).status).toBe(200);
    expect((await get({ origin: `http://${host}` })).status).toBe(403);
  });

  it("is not spoken in versions that are broken", async () => {
    // Clients of today speak them only when they are made to.
    const old = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" };
    await expect(get({}, old)).rejects.toThrow("alert");
  });

  it("passes over offers of other protocols, too", async () => {
    const upgrades = (request: IncomingMessage, stream: Duplex, head: Buffer) =>
      serveWithoutUpgrade(face.server, request, stream, head);
    face.server.on("upgrade", upgrades);
    expect((await get({ connection: "upgrade", upgrade: "h2c" })).status).toBe(200);
    face.server.off("upgrade", upgrades);
  });

  it("answers nothing to whoever does not speak it, and goes on", async () => {
    expect(await exchange(face.url, "GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n")).toBe("");
    expect((await get()).status).toBe(200);
  });
});
