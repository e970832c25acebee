import { readFileSync } from "node:fs";
import { request } from "node:http";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Sidecar } from "../src/sidecar.js";
import { type Answer, type CallOptions, call, problemIn } from "./http.js";
import { startTestSidecar, testConsole } from "./sidecars.js";

const script = "/console/app-3QX7L2KD.js";
const paths = ["/", script, "/console/app-M5T2VW8Q.css", "/console/mark-B7ZD40RX.svg"];

let sidecar: Sidecar;

beforeAll(async () => {
  sidecar = await startTestSidecar({ environment: { SLUICE_TOKEN: "0123456789abcdef0123456789abcdef" } });
});

afterAll(() => sidecar.close());

const ask = (path: string, options?: CallOptions, method = "GET"): Promise<Answer> =>
  call(sidecar.url, method, path, options);

/** The bytes as they went over the wire. */
function bytesOf(path: string, headers: Record<string, string>): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(`${sidecar.url}${path}`, { agent: false, headers }, async (response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk);
      resolve(Buffer.concat(chunks));
    });
    outgoing.once("error", reject);
    outgoing.end();
  });
}

const fileAt = (path: string) =>
  readFileSync(new URL(path === "/" ? "index.html" : path.slice(1), testConsole), "utf8");

describe("the console", () => {
  it.each([
    ["/", "text/html; charset=utf-8"],
    [script, "text/javascript; charset=utf-8"],
    ["/console/app-M5T2VW8Q.css", "text/css; charset=utf-8"],
    ["/console/mark-B7ZD40RX.svg", "image/svg+xml"],
  ])("%s is served as it was built, to whoever asks, as %s", async (path, type) => {
    const { status, headers, text } = await ask(path);
    expect({ status, text }).toEqual({ status: 200, text: fileAt(path) });
    expect(headers["content-type"]).toBe(type);
    expect(headers["x-content-type-options"]).toBe("nosniff");
    expect(headers["content-length"]).toBe(String(Buffer.byteLength(text)));
  });

  it("asks for a token nowhere, while all that it shows does", async () => {
    expect((await ask("/v1/events")).status).toBe(401);
    expect((await ask("/v1/semaphores")).status).toBe(401);
  });

  it("lets the page run its own scripts and call its own sidecar, and nothing else", async () => {
    const { headers } = await ask("/");
    expect(headers["content-security-policy"]).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; " +
        "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
    );
    expect(headers["x-frame-options"]).toBe("DENY");
    expect(headers["cross-origin-opener-policy"]).toBe("same-origin");
    expect(headers["referrer-policy"]).toBe("no-referrer");
  });

  it.each([script, "/console/none.js", "/livez", "/nothing"])("lets %s do nothing at all", async (path) => {
    expect((await ask(path)).headers["content-security-policy"]).toMatch(/^default-src 'none';base-uri/);
  });

  it("is asked for anew each time, and sent where it has changed; what it loads is kept for a year", async () => {
    expect((await ask("/")).headers["cache-control"]).toBe("no-cache");
    for (const path of paths.slice(1))
      expect((await ask(path)).headers["cache-control"]).toBe("public, max-age=31536000, immutable");
    for (const path of paths) {
      const { etag } = (await ask(path)).headers;
      for (const known of [etag, `W/${etag}`, `"another", ${etag}`, "*"]) {
        const { status, text } = await ask(path, { headers: { "if-none-match": String(known) } });
        expect({ status, text }, `${path} ${known}`).toEqual({ status: 304, text: "" });
      }
      expect((await ask(path, { headers: { "if-none-match": '"another"' } })).status).toBe(200);
    }
  });

  it("is sent compressed to callers that take it so, as another form of it", async () => {
    for (const accepted of ["gzip", "gzip, deflate, br, zstd", "br;q=1, gzip;q=0.5"]) {
      const headers = { "accept-encoding": accepted };
      const sent = await ask(script, { headers });
      expect(sent.headers["content-encoding"], accepted).toBe("gzip");
      expect(sent.headers.vary).toMatch(/accept-encoding/i);
      const bytes = await bytesOf(script, headers);
      expect(sent.headers["content-length"]).toBe(String(bytes.length));
      expect(gunzipSync(bytes).toString()).toBe(fileAt(script));
    }
    const [plain, gzipped] = [
      await ask(script),
      await ask(script, { headers: { "accept-encoding": "gzip" } }),
    ];
    expect(gzipped.headers.etag).not.toBe(plain.headers.etag);
    for (const accepted of ["identity", "gzip;q=0", "br", ""]) {
      const sent = await ask(script, { headers: { "accept-encoding": accepted } });
      expect(sent.headers["content-encoding"], accepted).toBeUndefined();
      expect(sent.text).toBe(fileAt(script));
    }
  });

  it("answers HEAD with the headers that GET has", async () => {
    for (const path of paths) {
      const got = await ask(path);
      const { status, headers, text } = await ask(path, {}, "HEAD");
      expect({ status, text }).toEqual({ status: 200, text: "" });
      const { date: _now, ...lasting } = headers;
      expect(got.headers).toMatchObject(lasting);
    }
  });

  it("takes no other method", async () => {
    for (const path of ["/", script]) {
      for (const method of ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
        const answer = await ask(path, {}, method);
        expect(problemIn(answer).code, `${method} ${path}`).toBe("METHOD_NOT_ALLOWED");
        expect(answer.headers.allow).toBe("GET, HEAD");
      }
    }
  });

  it.each([
    "/console",
    "/console/",
    "/console/none-00000000.js",
    "/console/../page/index.html",
    "/console/..%2findex.html",
    "/console/%2e%2e/%2e%2e/sidecars.ts",
    "/console/..%5c..%5csidecars.ts",
    "/console/%2e%2e%2f%2e%2e%2fsidecars.ts",
    "/console//etc/passwd",
    "/console/%2fetc%2fpasswd",
    "/console/app-3QX7L2KD.js/",
    "/console/app-3QX7L2KD.js%00.css",
    "/console/constructor",
    "/console/__proto__",
    "/index.html",
    "//",
  ])("has nothing at %s", async (path) => {
    const answer = await askAsItIs(path);
    expect(problemIn(answer).code).toBe("NOT_FOUND");
    expect(answer.headers["cache-control"]).toBe("no-store");
  });

  it("says what is wrong with a path that cannot be decoded", async () => {
    expect(problemIn(await askAsItIs("/console/%")).code).toBe("INVALID_ARGUMENT");
  });

  it("that was not built leaves a sidecar that says so, and does all else", async () => {
    const bare = await startTestSidecar({ consoleFolder: new URL("nowhere/", testConsole) });
    const answer = await call(bare.url, "GET", "/");
    expect(problemIn(answer)).toMatchObject({
      code: "NOT_FOUND",
      detail: expect.stringContaining("not built"),
    });
    expect(bare.consoleUrl).toBeUndefined();
    expect((await call(bare.url, "GET", script)).status).toBe(404);
    expect((await call(bare.url, "GET", "/v1/semaphores")).status).toBe(200);
    await bare.close();
  });

  it("has its address", () => {
    expect(sidecar.consoleUrl).toBe(`${sidecar.url}/`);
  });
});

/** Without the tidying of paths that URLs bring. */
function askAsItIs(path: string): Promise<Answer> {
  const { hostname, port } = new URL(sidecar.url);
  return new Promise((resolve, reject) => {
    const outgoing = request({ hostname, port, path, agent: false }, async (response) => {
      let text = "";
      for await (const chunk of response.setEncoding("utf8")) text += chunk;
      const { headers, statusCode: status = 0 } = response;
      resolve({ status, headers, text, body: JSON.parse(text) });
    });
    outgoing.once("error", reject);
    outgoing.end();
  });
}
