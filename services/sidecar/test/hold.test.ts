import { Agent, type IncomingMessage, request } from "node:http";
import type { Socket } from "node:net";
import { memoryStore } from "@sluice/core/memory";
import { until } from "@sluice/testkit";
import { afterEach, describe, expect, it, vi } from "vitest";
import { LOOPBACK_GRACE_MS } from "../src/leases/grace.js";
import { VanishedHosts } from "../src/leases/vanished-hosts.js";
import type { Sidecar } from "../src/sidecar.js";
import { Folder } from "./folders.js";
import { HeldClock, letTimePass } from "./held-clock.js";
import { type CallOptions, call } from "./http.js";
import { behindProxy } from "./session-scene.js";
import { shared, startTestSidecar } from "./sidecars.js";
import { OpenStream } from "./streams.js";

let sidecar: Sidecar;

afterEach(async () => {
  letTimePass();
  vi.restoreAllMocks();
  await sidecar.close();
});

const path = "/v1/semaphores/api/hold";

/** Resolves when it is granted. */
const hold = (body: object, options: Omit<CallOptions, "body"> = {}) =>
  OpenStream.open(sidecar.url, "POST", path, { body, ...options });

const look = async () => {
  const snapshot = await sidecar.store.inspect("api");
  if (snapshot === undefined) throw new Error("there is no such semaphore");
  return snapshot;
};

/** Ends the connection, and resolves when the sidecar has heard of it. */
async function hangUp(holder: OpenStream): Promise<void> {
  holder.hangUp();
  const ended = 'sluice_http_request_duration_seconds_count{method="POST",route="/v1/semaphores/:name/hold"';
  await until(async () => (await call(sidecar.url, "GET", "/metrics")).text.includes(ended), {
    what: "the hang-up",
  });
}

describe("a hold", () => {
  it("is a lease for as long as the connection, renewed by the sidecar", async () => {
    using clock = new HeldClock();
    sidecar = await startTestSidecar();
    const holder = await hold({ limit: 1, leaseMs: 3_000, holder: "curl" });
    const { lease, ...first } = await holder.line(0);
    expect(holder.status).toBe(200);
    expect(holder.headers["content-type"]).toBe("application/x-ndjson");
    expect(first).toMatchObject({ semaphore: "api", permits: 1, leaseMs: 3_000, limit: 1 });
    for (let renewals = 1; renewals <= 4; renewals++) {
      await clock.pass(1_000);
      expect(await holder.line(renewals)).toEqual({ validForMs: 3_000, at: renewals * 1_000 });
    }
    expect((await look()).leases).toMatchObject([{ lease, holder: "curl" }]);
    await hangUp(holder);
    await clock.pass(LOOPBACK_GRACE_MS);
    await until(async () => (await look()).inUse === 0, { what: "its end" });
    expect((await look()).lapsesTotal).toBe(0);
  });

  it("waits as an acquire does, and is refused as one", async () => {
    sidecar = await startTestSidecar();
    const first = await hold({ limit: 1 });
    await first.line(0);
    expect((await call(sidecar.url, "POST", path, { body: {} })).body).toMatchObject({
      code: "ACQUIRE_TIMEOUT",
    });
    const second = hold({ waitMs: 60_000 });
    const hangingUp = new AbortController();
    const gone = expect(hold({ waitMs: 60_000 }, { signal: hangingUp.signal })).rejects.toThrow("aborted");
    await until(async () => (await look()).waiting === 2, { what: "two waiters" });
    hangingUp.abort();
    await gone;
    await until(async () => (await look()).waiting === 1, { what: "one waiter" });
    first.hangUp();
    await (await second).line(0);
  });

  it("ends with a last word when an operator revokes the lease", async () => {
    sidecar = await startTestSidecar();
    const holder = await hold({ limit: 1 });
    const { lease } = await holder.line(0);
    await call(sidecar.url, "DELETE", `/v1/semaphores/api/leases/${lease}`);
    expect(await holder.line(1)).toEqual({ lost: "revoked" });
    await holder.end();
  });

  it("ends when somebody releases its lease", async () => {
    sidecar = await startTestSidecar();
    const holder = await hold({ limit: 1 });
    const { lease } = await holder.line(0);
    await call(sidecar.url, "POST", "/v1/semaphores/api/release", { body: { lease } });
    await holder.end();
    expect(holder.lines.at(-1)).toEqual({ lost: "lapsed" });
    expect((await look()).inUse).toBe(0);
  });

  it("is left to its time when the sidecar ends", async () => {
    using clock = new HeldClock();
    const memory = memoryStore();
    sidecar = await startTestSidecar({ store: shared(memory) });
    const holder = await hold({ limit: 1, leaseMs: 3_000 });
    await holder.line(0);
    await sidecar.close();
    await holder.end();
    await clock.pass(2_999);
    expect((await memory.inspect("api"))?.inUse).toBe(1);
    await clock.pass(1);
    expect(await memory.inspect("api")).toMatchObject({ inUse: 0, lapsesTotal: 1 });
    await memory.close();
  });

  it("is kept for a whole lease where a proxy may have ended the connection", async () => {
    using clock = new HeldClock();
    sidecar = await startTestSidecar();
    const holder = await hold({ limit: 1, leaseMs: 3_000 }, behindProxy);
    await holder.line(0);
    await clock.pass(2_000);
    await holder.line(1);
    await hangUp(holder);
    await clock.pass(2_999);
    expect((await look()).inUse).toBe(1);
    await clock.pass(1);
    await until(async () => (await look()).inUse === 0, { what: "its end" });
    expect((await look()).lapsesTotal).toBe(0);
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
    const bearer = (name: string) => ({
      headers: { authorization: `Bearer ${name}-0123456789abcdef` },
    });
    const first = await hold({ limit: 1 }, bearer("kept"));
    await first.line(0);
    const asks = call(sidecar.url, "POST", "/v1/semaphores/api/acquire", {
      body: { waitMs: 60_000 },
      ...bearer("gone"),
    });
    const refused = [hold({ waitMs: 60_000 }, bearer("gone")), asks].map((waits) =>
      expect(waits).rejects.toThrow(),
    );
    await until(async () => (await look()).waiting === 2, { what: "two waiters" });
    tokens("kept");
    sidecar.reload();
    await until(async () => (await look()).waiting === 0, { what: "an empty queue" });
    await Promise.all(refused);
  });

  it("counts as a session of its client", async () => {
    sidecar = await startTestSidecar({ environment: { SLUICE_MAX_SESSIONS_PER_CLIENT: "1" } });
    const holder = await hold({ limit: 5 });
    await holder.line(0);
    const refused = await call(sidecar.url, "POST", path, { body: { limit: 5 } });
    expect(refused.body).toMatchObject({ code: "TOO_MANY_REQUESTS" });
    holder.hangUp();
    await until(async () => (await look()).inUse === 0, { what: "its end" });
  });

  it("leaves nothing at its connection when it ends before that does", async () => {
    const { watch } = VanishedHosts.prototype;
    const sockets = new Set<Socket>();
    const listenersFound: number[] = [];
    vi.spyOn(VanishedHosts.prototype, "watch").mockImplementation(function (
      this: VanishedHosts,
      socket,
      told,
    ) {
      sockets.add(socket);
      listenersFound.push(socket.listenerCount("close"));
      return watch.call(this, socket, told);
    });
    sidecar = await startTestSidecar();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let holds = 1; holds <= 3; holds++) await holdAndRelease(agent);
    agent.destroy();
    expect(sockets.size).toBe(1);
    expect(listenersFound).toEqual(Array(3).fill(listenersFound[0]));
  });
});

/** One hold by a connection of `agent`, as from another host, until it has ended. */
async function holdAndRelease(agent: Agent): Promise<void> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const headers = { "content-type": "application/json", ...behindProxy.headers };
    const outgoing = request(`${sidecar.url}${path}`, { method: "POST", agent, headers }, resolve);
    outgoing.once("error", reject).end(JSON.stringify({ limit: 1 }));
  });
  const [{ lease } = { lease: "" }] = (await look()).leases;
  await call(sidecar.url, "POST", "/v1/semaphores/api/release", { body: { lease } });
  await response.resume().toArray();
}
