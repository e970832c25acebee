import { RecoveringError, StoreIncompatibleError, StoreUnavailableError } from "@sluice/core";
import { until } from "@sluice/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Sidecar } from "../src/sidecar.js";
import { type CalledOperation, Contract } from "./contract/contract.js";
import { FailingStore } from "./contract/failing-store.js";
import { type Answer, type CallOptions, call } from "./http.js";
import { RawCaller } from "./raw-caller.js";
import { RawSession, upgradeBy } from "./session-client.js";
import { startTestSidecar } from "./sidecars.js";
import { OpenStream } from "./streams.js";

const token = "0123456789abcdef0123456789abcdef";
const path = "/v1/semaphores/api";

let contract: Contract;
/** Whose store can fail; that asks for a token; that has tight limits; that has no console; that is about to end. */
let sidecars: Record<"failing" | "guarded" | "tight" | "bare" | "draining", Sidecar>;
const failing = new FailingStore();

beforeAll(async () => {
  sidecars = {
    failing: await startTestSidecar({ store: failing.store, lingerMs: 100 }),
    guarded: await startTestSidecar({ environment: { SLUICE_TOKEN: token } }),
    tight: await startTestSidecar({
      environment: { SLUICE_MAX_SEMAPHORES: "0", SLUICE_MAX_SESSIONS_PER_CLIENT: "1" },
    }),
    bare: await startTestSidecar({ consoleFolder: new URL("nowhere/", import.meta.url) }),
    draining: await startTestSidecar({
      environment: { SLUICE_MAX_LEASE_MS: "3600000", SLUICE_DRAIN_MS: "3600000" },
    }),
  };
  contract = new Contract((await call(sidecars.failing.url, "GET", "/openapi.json")).body);
  // A lease that is held keeps it from ending.
  await ask(sidecars.draining, "POST", `${path}/acquire`, { body: { limit: 1, leaseMs: 3_600_000 } });
  void sidecars.draining.drain();
});

afterAll(async () => {
  await Promise.all(Object.values(sidecars).map((sidecar) => sidecar.close()));
});

const ask = (at: Sidecar, method: string, where: string, options: CallOptions = {}): Promise<Answer> =>
  call(at.url, method, where, options);

const send = (method: string, where: string, body?: unknown, headers: Record<string, string> = {}) =>
  ask(sidecars.failing, method, where, { ...(body !== undefined && { body }), headers });

/** What is sent where a test is about something else than what is asked for. */
const bodies: Readonly<Record<string, unknown>> = {
  defineSemaphore: { limit: 1 },
  resizeSemaphore: { limit: 1 },
  acquire: { limit: 1 },
  hold: { limit: 1 },
  renew: { leases: ["a"] },
  release: { lease: "a" },
};

function attempt(at: Sidecar, operation: CalledOperation, options: CallOptions = {}): Promise<Answer> {
  const where = operation.path.replace("{name}", "some").replace(/\{\w+\}/, "a");
  const body = operation.takesBody ? { body: bodies[operation.id] } : {};
  return ask(at, operation.method, where, { ...body, ...options });
}

/** The answer to an upgrade that is refused, or made. */
async function upgrade(at: Sidecar): Promise<Answer> {
  const [head = "", body = ""] = (await upgradeBy(at.url, {})).split("\r\n\r\n");
  const [first = "", ...lines] = head.split("\r\n");
  const headers = Object.fromEntries(
    lines.map((line) => [line.split(": ")[0]?.toLowerCase(), line.split(": ")[1]]),
  );
  const status = Number(first.split(" ")[1]);
  return { status, headers, text: body, body: body.startsWith("{") ? JSON.parse(body) : {} };
}

async function held(fields: Record<string, unknown> = {}): Promise<string> {
  const { body } = await send("POST", `${path}/acquire`, { limit: 1, ...fields });
  return String(body.lease);
}

describe("every problem that comes with", () => {
  const each = (what: string) => contract.operations.filter(({ answers }) => answers.includes(what));

  it("being a stranger", async () => {
    for (const operation of each("FORBIDDEN")) {
      const answer = await attempt(sidecars.failing, operation, { headers: { host: "evil.example" } });
      expect(contract.check(operation.id, answer)).toBe("FORBIDDEN");
    }
  });

  it("having no token", async () => {
    for (const operation of each("UNAUTHENTICATED")) {
      expect(operation.needsToken, operation.id).toBe(true);
      expect(contract.check(operation.id, await attempt(sidecars.guarded, operation))).toBe(
        "UNAUTHENTICATED",
      );
    }
  });

  it("a malformed request", async () => {
    for (const operation of contract.operations) {
      const answer = await attempt(sidecars.failing, operation, { headers: { host: "a b" } });
      expect(contract.check(operation.id, answer)).toBe("INVALID_ARGUMENT");
    }
  });

  it("a body that is none", async () => {
    for (const operation of contract.operations.filter(({ takesBody }) => takesBody)) {
      const large = await attempt(sidecars.failing, operation, { body: { holder: "x".repeat(300_000) } });
      expect(contract.check(operation.id, large)).toBe("BODY_TOO_LARGE");
      const text = await attempt(sidecars.failing, operation, { headers: { "content-type": "text/plain" } });
      expect(contract.check(operation.id, text)).toBe("UNSUPPORTED_MEDIA_TYPE");
    }
  });

  it.each([
    ["STORE_UNAVAILABLE", new StoreUnavailableError("away")],
    ["STORE_INCOMPATIBLE", new StoreIncompatibleError("old")],
    ["RECOVERING", new RecoveringError("api", 500)],
    ["INTERNAL", new Error("nobody has foreseen this")],
  ])("a store that fails: %s", async (code, failure) => {
    failing.failure = failure;
    for (const operation of each(code).filter(({ id }) => id !== "session" && id !== "events"))
      expect(contract.check(operation.id, await attempt(sidecars.failing, operation))).toBe(code);
    if (code === "STORE_UNAVAILABLE") contract.check("readyz", await send("GET", "/readyz"));
    failing.failure = undefined;
  });

  it("a sidecar that is about to end", async () => {
    for (const id of ["events", "acquire", "hold"]) {
      const answer = await attempt(sidecars.draining, contract.operation(id));
      expect(contract.check(id, answer)).toBe("STORE_UNAVAILABLE");
    }
    expect(contract.check("session", await upgrade(sidecars.draining))).toBe("STORE_UNAVAILABLE");
  });

  it("limits on callers", async () => {
    for (const id of ["acquire", "hold"]) {
      const answer = await attempt(sidecars.tight, contract.operation(id));
      expect(contract.check(id, answer)).toBe("TOO_MANY_REQUESTS");
    }
    const session = await RawSession.open(sidecars.tight.url);
    expect(contract.check("session", await upgrade(sidecars.tight))).toBe("TOO_MANY_REQUESTS");
    await session.goodbye();
  });
});

describe("an answer is as documented:", () => {
  it("a semaphore's life", async () => {
    const seen = async (id: string, method: string, where: string, body?: unknown) =>
      contract.check(id, await send(method, where, body));
    expect(await seen("getSemaphore", "GET", path)).toBe("SEMAPHORE_UNKNOWN");
    expect(await seen("resizeSemaphore", "PATCH", path, { limit: 1 })).toBe("SEMAPHORE_UNKNOWN");
    expect(await seen("deleteSemaphore", "DELETE", path)).toBe("SEMAPHORE_UNKNOWN");
    expect(await seen("defineSemaphore", "PUT", path, { limit: 1 })).toBe("201");
    expect(await seen("defineSemaphore", "PUT", path, { limit: 2 })).toBe("200");
    expect(await seen("resizeSemaphore", "PATCH", path, { limit: 1 })).toBe("200");
    expect(await seen("listSemaphores", "GET", "/v1/semaphores?pageSize=1")).toBe("200");
    const lease = await held();
    const waiter = new RawCaller(sidecars.failing.url, `${path}/acquire`, { waitMs: 60_000 });
    await until(async () => (await failing.store.inspect("api"))?.waiting === 1, { what: "a waiter" });
    expect(await seen("getSemaphore", "GET", path)).toBe("200");
    expect(await seen("deleteSemaphore", "DELETE", path)).toBe("SEMAPHORE_IN_USE");
    waiter.hangUp();
    await until(async () => (await failing.store.inspect("api"))?.waiting === 0, { what: "its leaving" });
    await send("POST", `${path}/release`, { lease });
    expect(await seen("deleteSemaphore", "DELETE", path)).toBe("204");
  });

  it("a lease's life", async () => {
    const seen = async (id: string, what: string, body: unknown) =>
      contract.check(id, await send("POST", `${path}/${what}`, body));
    const granted = await send("POST", `${path}/acquire`, { limit: 1 });
    expect(contract.check("acquire", granted)).toBe("200");
    expect(await seen("renew", "renew", { leases: [granted.body.lease, "none"] })).toBe("200");
    expect(await seen("renew", "renew", { leases: [granted.body] })).toBe("200");
    expect(contract.check("revoke", await send("DELETE", `${path}/leases/none`))).toBe("LEASE_UNKNOWN");
    const revoked = await send("DELETE", `${path}/leases/${granted.body.lease}`);
    expect(contract.check("revoke", revoked)).toBe("204");
    expect(await seen("release", "release", { lease: granted.body.lease })).toBe("200");
    expect(await seen("release", "release", { lease: granted.body.lease })).toBe("200");
  });

  it.each(["acquire", "hold"])("what is refused to whoever asks to %s", async (id) => {
    const seen = async (name: string, body: unknown, headers = {}) =>
      contract.check(id, await send("POST", `/v1/semaphores/${name}/${id}`, body, headers));
    await send("PUT", "/v1/semaphores/full", { limit: 1, maxWaiters: 0 });
    const { lease } = (await send("POST", "/v1/semaphores/full/acquire", {})).body;
    expect(await seen("nobody", {})).toBe("SEMAPHORE_UNKNOWN");
    expect(await seen("full", {})).toBe("ACQUIRE_TIMEOUT");
    expect(await seen("full", { waitMs: 1 })).toBe("QUEUE_FULL");
    expect(await seen("full", { permits: 2 })).toBe("PERMITS_EXCEED_LIMIT");
    failing.result = { outcome: "superseded" };
    expect(await seen("full", {})).toBe("REQUEST_SUPERSEDED");
    failing.result = undefined;
    const key = { "idempotency-key": `key-of-${id}` };
    await send("POST", "/v1/semaphores/keyed/acquire", { limit: 5 }, key);
    expect(await seen("keyed", { limit: 5, permits: 2 }, key)).toBe("REQUEST_REUSED");
    await send("POST", "/v1/semaphores/full/release", { lease });
  });

  it("the console, and what it loads", async () => {
    for (const [id, where] of [
      ["console", "/"],
      ["consoleFile", "/console/app-3QX7L2KD.js"],
    ] as const) {
      const answer = await send("GET", where);
      expect(contract.check(id, answer), id).toBe("200");
      const headers = { "if-none-match": String(answer.headers.etag) };
      expect(contract.check(id, await send("GET", where, undefined, headers)), id).toBe("304");
    }
    expect(contract.check("console", await ask(sidecars.bare, "GET", "/"))).toBe("NOT_FOUND");
    expect(contract.check("consoleFile", await send("GET", "/console/none.js"))).toBe("NOT_FOUND");
  });

  it("what operators ask for", async () => {
    for (const [id, where] of [
      ["livez", "/livez"],
      ["readyz", "/readyz"],
      ["metrics", "/metrics"],
      ["openapi", "/openapi.json"],
    ] as const) {
      expect(contract.check(id, await send("GET", where)), id).toBe("200");
    }
  });

  it("a hold, line by line", async () => {
    const hold = await OpenStream.open(sidecars.failing.url, "POST", "/v1/semaphores/held/hold", {
      body: { limit: 1, leaseMs: 3_000 },
    });
    expect(contract.check("hold", hold)).toBe("200");
    const lease = await hold.line(0);
    contract.checkLine("hold", 0, lease);
    contract.checkLine("hold", 1, await hold.line(1));
    await send("DELETE", `/v1/semaphores/held/leases/${lease.lease}`);
    await hold.end();
    contract.checkLine("hold", 1, hold.lines.at(-1));
    expect(hold.lines.at(-1)).toEqual({ lost: "revoked" });
  });

  it("the events of semaphores and of the store", async () => {
    const stream = await OpenStream.open(sidecars.failing.url, "GET", "/v1/events");
    expect(contract.check("events", stream)).toBe("200");
    await stream.event("semaphores");
    await send("PUT", "/v1/semaphores/passing", { limit: 1 });
    // The leases of other tests may lapse meanwhile.
    await stream.event("changed", ({ semaphores }) => JSON.stringify(semaphores).includes('"passing"'));
    await send("DELETE", "/v1/semaphores/passing");
    await stream.event("removed", ({ names }) => (names as string[]).includes("passing"));
    failing.failure = new StoreUnavailableError("away");
    await stream.event("store", ({ up }) => up === false);
    failing.failure = undefined;
    await stream.event("store", ({ up }) => up === true);
    stream.hangUp();
    for (const { name, data } of stream.events) contract.checkEvent("events", name, data);
  });

  it("a session, message by message", async () => {
    expect(contract.check("session", await send("GET", "/v1/session"))).toBe("UPGRADE_REQUIRED");
    expect(contract.check("session", await upgrade(sidecars.failing))).toBe("101");
    const session = await RawSession.open(sidecars.failing.url);
    const ask = async (message: Record<string, unknown>) => {
      const id = session.send(message);
      const answer = await session.answerTo(id);
      contract.checkRequest(String(message.op), answer, { id, ...message });
      return answer;
    };
    const semaphore = "in-session";
    const { lease } = await ask({ op: "acquire", semaphore, limit: 1, leaseMs: 3_000 });
    expect(await ask({ op: "acquire", semaphore })).toMatchObject({ ok: false });
    expect(await ask({ op: "cancel", request: 1 })).toMatchObject({ ok: true, cancelled: false });
    expect(await ask({ op: "ping" })).toMatchObject({ ok: true });
    expect(await ask({ op: "claim", leases: [{ semaphore, lease }] })).toMatchObject({ ok: true });
    await session.event("valid");
    expect(await ask({ op: "release", semaphore, lease })).toMatchObject({ ok: true, released: true });
    const { lease: another } = await ask({ op: "acquire", semaphore });
    await send("DELETE", `/v1/semaphores/${semaphore}/leases/${another}`);
    await session.event("lost");
    const ending = await startTestSidecar();
    const other = await RawSession.open(ending.url);
    const draining = ending.drain();
    await other.event("draining");
    for (const event of [...session.events, ...other.events]) contract.checkSessionEvent(event);
    await session.goodbye();
    await other.goodbye();
    await draining;
  });

  it("everything that is documented was seen", () => {
    expect(contract.notDriven).toEqual([]);
  });
});

describe("the document", () => {
  it("has schemas that fit their own examples", () => {
    let examples = 0;
    for (const [name, validate] of contract.compileAll()) {
      for (const example of contract.examplesOf(name)) {
        examples += 1;
        expect(validate(example), `${name}: ${JSON.stringify(validate.errors)}`).toBe(true);
      }
    }
    expect(examples).toBeGreaterThan(5);
  });

  it("says what validates: a body with an unknown field fits no schema, one without its defaults does", () => {
    const schemas = contract.compileAll();
    expect(schemas.get("Acquire")?.({})).toBe(true);
    expect(schemas.get("Acquire")?.({ wait: 5 })).toBe(false);
    expect(schemas.get("Acquire")?.({ create: {} })).toBe(false);
  });
});
