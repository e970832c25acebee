import { type ClientRequest, type IncomingMessage, request } from "node:http";
import { memoryStore } from "@sluice/core/memory";
import { until } from "@sluice/testkit";
import { afterEach, describe, expect, it } from "vitest";
import type { Sidecar } from "../src/sidecar.js";
import { Folder } from "./folders.js";
import { call } from "./http.js";
import { startTestSidecar } from "./sidecars.js";

let sidecar: Sidecar;

afterEach(() => sidecar.close());

type Line = Record<string, unknown>;

/** A caller that reads lines. */
class Holder {
  readonly lines: Line[] = [];
  readonly #request: ClientRequest;
  status: number | undefined;
  headers: IncomingMessage["headers"] = {};
  ended = false;

  constructor(body: Record<string, unknown>, headers: Record<string, string> = {}) {
    this.#request = request(`${sidecar.url}/v1/semaphores/api/hold`, {
      method: "POST",
      agent: false,
      headers: { "content-type": "application/json", ...headers },
    });
    this.#request.on("response", (response) => this.#read(response));
    this.#request.on("error", () => {});
    this.#request.end(JSON.stringify(body));
  }

  hangUp(): void {
    this.#request.destroy();
  }

  async line(index: number): Promise<Line> {
    return until(() => this.lines[index], { what: `line ${index}` });
  }

  #read(response: IncomingMessage): void {
    this.status = response.statusCode;
    this.headers = response.headers;
    let text = "";
    response.setEncoding("utf8");
    response.on("data", (chunk) => {
      const parts = (text + chunk).split("\n");
      text = parts.pop() ?? "";
      this.lines.push(...parts.map((part) => JSON.parse(part)));
    });
    response.on("error", () => {});
    response.on("end", () => {
      this.ended = true;
    });
  }
}

const look = async () => {
  const snapshot = await sidecar.store.inspect("api");
  if (snapshot === undefined) throw new Error("there is no such semaphore");
  return snapshot;
};

describe("a hold", () => {
  it("is a lease for as long as the connection, renewed by the sidecar", async () => {
    sidecar = await startTestSidecar();
    const holder = new Holder({ limit: 1, leaseMs: 200, holder: "curl" });
    const { lease, ...first } = await holder.line(0);
    expect(holder.status).toBe(200);
    expect(holder.headers["content-type"]).toBe("application/x-ndjson");
    expect(first).toMatchObject({ semaphore: "api", permits: 1, leaseMs: 200, limit: 1 });
    expect(await holder.line(4)).toEqual({ validForMs: expect.any(Number), at: expect.any(Number) });
    expect((await look()).leases).toMatchObject([{ lease, holder: "curl" }]);
    holder.hangUp();
    await until(async () => (await look()).inUse === 0, { what: "its end" });
    expect((await look()).lapsesTotal).toBe(0);
  });

  it("waits as an acquire does, and is refused as one", async () => {
    sidecar = await startTestSidecar();
    const first = new Holder({ limit: 1 });
    await first.line(0);
    expect((await call(sidecar.url, "POST", "/v1/semaphores/api/hold", { body: {} })).body).toMatchObject({
      code: "ACQUIRE_TIMEOUT",
    });
    const second = new Holder({ waitMs: 60_000 });
    const gone = new Holder({ waitMs: 60_000 });
    await until(async () => (await look()).waiting === 2, { what: "two waiters" });
    gone.hangUp();
    await until(async () => (await look()).waiting === 1, { what: "one waiter" });
    first.hangUp();
    await second.line(0);
  });

  it("ends with a last word when an operator revokes the lease", async () => {
    sidecar = await startTestSidecar();
    const holder = new Holder({ limit: 1 });
    const { lease } = await holder.line(0);
    await call(sidecar.url, "DELETE", `/v1/semaphores/api/leases/${lease}`);
    expect(await holder.line(1)).toEqual({ lost: "revoked" });
    await until(() => holder.ended, { what: "the end" });
  });

  it("ends when somebody releases its lease", async () => {
    sidecar = await startTestSidecar();
    const holder = new Holder({ limit: 1 });
    const { lease } = await holder.line(0);
    await call(sidecar.url, "POST", "/v1/semaphores/api/release", { body: { lease } });
    await until(() => holder.ended, { what: "the end" });
    expect(holder.lines.at(-1)).toEqual({ lost: "lapsed" });
    expect((await look()).inUse).toBe(0);
  });

  it("is left to its time when the sidecar ends", async () => {
    const memory = memoryStore();
    const close = memory.close.bind(memory);
    memory.close = async () => {};
    sidecar = await startTestSidecar({ store: memory });
    const holder = new Holder({ limit: 1, leaseMs: 400 });
    await holder.line(0);
    await sidecar.close();
    await until(() => holder.ended, { what: "the end" });
    expect((await memory.inspect("api"))?.inUse).toBe(1);
    await until(async () => (await memory.inspect("api"))?.lapsesTotal === 1, { what: "its lapse" });
    await close();
  });

  it("is kept for a whole lease where a proxy may have ended the connection", async () => {
    sidecar = await startTestSidecar();
    const holder = new Holder({ limit: 1, leaseMs: 500 }, { "x-forwarded-for": "192.0.2.1" });
    await holder.line(0);
    holder.hangUp();
    const endedAt = performance.now();
    await until(async () => (await look()).inUse === 0, { what: "its end" });
    expect(performance.now() - endedAt).toBeGreaterThan(400);
  });

  it("is not granted to one whose token was withdrawn while it waited", async () => {
    using folder = new Folder();
    const tokens = (...names: string[]) =>
      folder.write(
        "tokens.json",
        JSON.stringify({
          tokens: names.map((name) => ({ name, token: `${name}-0123456789abcdef`, scopes: ["use"] })),
        }),
      );
    sidecar = await startTestSidecar({ environment: { SLUICE_TOKENS_FILE: tokens("kept", "gone") } });
    const bearer = (name: string) => ({ authorization: `Bearer ${name}-0123456789abcdef` });
    const first = new Holder({ limit: 1 }, bearer("kept"));
    await first.line(0);
    const waits = new Holder({ waitMs: 60_000 }, bearer("gone"));
    const headers = bearer("gone");
    const asks = call(sidecar.url, "POST", "/v1/semaphores/api/acquire", {
      body: { waitMs: 60_000 },
      headers,
    });
    const refused = expect(asks).rejects.toThrow();
    await until(async () => (await look()).waiting === 2, { what: "two waiters" });
    tokens("kept");
    sidecar.reload();
    await until(async () => (await look()).waiting === 0, { what: "an empty queue" });
    await refused;
    expect(waits.lines).toEqual([]);
  });

  it("counts as a session of its client", async () => {
    sidecar = await startTestSidecar({ environment: { SLUICE_MAX_SESSIONS_PER_CLIENT: "1" } });
    const holder = new Holder({ limit: 5 });
    await holder.line(0);
    const refused = await call(sidecar.url, "POST", "/v1/semaphores/api/hold", { body: { limit: 5 } });
    expect(refused.body).toMatchObject({ code: "TOO_MANY_REQUESTS" });
    holder.hangUp();
    await until(async () => (await look()).inUse === 0, { what: "its end" });
  });
});
