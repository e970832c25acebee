import * as crypto from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { memoryStore } from "@sluice/core/memory";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { Access } from "../src/access/access.js";
import { type Scope, scopes } from "../src/access/caller.js";
import { Tokens } from "../src/access/tokens.js";
import { createApp } from "../src/app.js";
import { Context } from "../src/context.js";
import type { Call } from "../src/contract/call.js";
import { calls } from "../src/contract/calls.js";
import { createLog } from "../src/log.js";
import { Face } from "./face.js";
import { type Answer, type CallOptions, call, problemIn } from "./http.js";

vi.mock("node:crypto", async (original) => {
  const real = await original<typeof crypto>();
  return { ...real, timingSafeEqual: vi.fn(real.timingSafeEqual) };
});

const tokenOf = (name: string) => `${name}-0123456789abcdef`;
const tokens = [
  { name: "nothing", token: tokenOf("nothing"), scopes: [] },
  ...scopes.map((scope) => ({ name: scope, token: tokenOf(scope), scopes: [scope] })),
];
const logged: string[] = [];

let access: Access;
let face: Face;

beforeAll(async () => {
  access = new Access({ tokens });
  const log = createLog("debug", (text) => logged.push(text));
  const context = new Context({ store: memoryStore(), access, log, metricsMaxSemaphores: 100 });
  face = await Face.listen(createApp(context), () => context.close());
});

afterAll(() => face.close());

beforeEach(() => access.useTokens(tokens));

const ask = (method: string, path: string, options?: CallOptions): Promise<Answer> =>
  call(face.url, method, path, options);

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

const allCalls = Object.entries<Call>(calls).map(([name, called]) => ({ name, ...called }));

/** Malformed, so that a caller that may call gets no further than that. */
const attempt = (called: Call, headers: Record<string, string>): Promise<Answer> => {
  const body = called.body === undefined ? {} : { body: "{" };
  return ask(called.method, `${called.path.replace(/\{\w+\}/g, "x")}?nonsense`, { headers, ...body });
};

describe("every call of the table", () => {
  it.each(allCalls)("$name asks for the scope $scope, before anything else", async (called) => {
    for (const { name, token } of tokens) {
      const { status, headers, body } = await attempt(called, bearer(token));
      const mayCall = called.scope === "none" || name === called.scope || name === "operate";
      expect(status === 403, name).toBe(!mayCall);
      if (mayCall) expect(status, name).not.toBe(401);
      else {
        expect(body.code).toBe("FORBIDDEN");
        expect(headers["www-authenticate"]).toBe(
          `Bearer error="insufficient_scope", scope="${called.scope}"`,
        );
      }
    }
  });

  it.each(allCalls.filter(({ scope }) => scope !== "none"))("$name asks for a token", async (called) => {
    for (const headers of [
      {},
      bearer("guessed-0123456789"),
      { authorization: tokenOf("operate") },
      { authorization: `Basic ${tokenOf("operate")}` },
      { authorization: "Bearer" },
      { authorization: `Bearer ${tokenOf("operate")} ${tokenOf("operate")}` },
    ]) {
      const answer = await attempt(called, headers);
      expect(problemIn(answer)).toMatchObject({ status: 401, code: "UNAUTHENTICATED" });
      expect(answer.headers["www-authenticate"]).toMatch(/^Bearer/);
    }
  });

  it("may only be called by whoever should, in the words of the promise", () => {
    const needs = (scope: Scope | "none") =>
      allCalls
        .filter((called) => called.scope === scope)
        .map(({ name }) => name)
        .sort();
    expect(needs("use")).toEqual(["acquire", "hold", "release", "renew", "session"]);
    expect(needs("read")).toEqual(["events", "getSemaphore", "listSemaphores", "metrics", "openapi"]);
    expect(needs("operate")).toEqual(["defineSemaphore", "deleteSemaphore", "resizeSemaphore", "revoke"]);
    expect(needs("none")).toEqual(["console", "consoleFile", "livez", "readyz"]);
  });
});

describe("a refused request", () => {
  it("is refused before its body has come, and changes nothing", async () => {
    const { hostname, port } = new URL(face.url);
    const socket = connect(Number(port), hostname);
    const lines = ["host: localhost", "content-type: application/json", "content-length: 20"];
    socket.write(`POST /v1/semaphores/api/acquire HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
    const [first] = await once(socket, "data");
    expect(String(first)).toMatch(/^HTTP\/1\.1 401 /);
    socket.end('{"limit": 1        }');
    await once(socket.resume(), "close");
    const { body } = await ask("GET", "/v1/semaphores", { headers: bearer(tokenOf("read")) });
    expect(body).toEqual({ semaphores: [] });
  });

  it("is logged without its token", async () => {
    await ask("GET", "/v1/semaphores", { headers: bearer("wrong-but-secret-0123") });
    await ask("PUT", "/v1/semaphores/api", { headers: bearer(tokenOf("use")), body: { limit: 1 } });
    await ask("GET", "/v1/semaphores", { headers: bearer(tokenOf("read")) });
    expect(logged.join()).not.toContain("0123");
  });
});

describe("the ids of leases", () => {
  it("are shown to operators alone", async () => {
    const headers = bearer(tokenOf("operate"));
    await ask("POST", "/v1/semaphores/shown/acquire", { headers, body: { limit: 1 } });
    const shownTo = async (name: string) =>
      (await ask("GET", "/v1/semaphores/shown", { headers: bearer(tokenOf(name)) })).body.leases;
    expect(await shownTo("operate")).toEqual([expect.objectContaining({ lease: expect.any(String) })]);
    expect(await shownTo("read")).toEqual([expect.not.objectContaining({ lease: expect.anything() })]);
  });
});

describe("tokens", () => {
  it("can be replaced: the new ones are valid at once, the old ones no more", async () => {
    const status = async (token: string) =>
      (await ask("GET", "/v1/semaphores", { headers: bearer(token) })).status;
    expect(await status(tokenOf("read"))).toBe(200);
    access.useTokens([{ name: "read", token: "another-0123456789", scopes: ["read"] }]);
    expect(await status(tokenOf("read"))).toBe(401);
    expect(await status("another-0123456789")).toBe(200);
  });

  it("are asked for also when the last one was taken away", async () => {
    access.useTokens([]);
    expect((await ask("GET", "/v1/semaphores")).status).toBe(401);
  });

  it("end what lasts when they are replaced", async () => {
    const read = { name: "read", token: tokenOf("read"), scopes: new Set<Scope>(["read"]) };
    const [withdrawn, over] = [vi.fn(), vi.fn()];
    access.watch(read, "read", withdrawn);
    access.watch(read, "read", over)();
    access.useTokens([{ ...read, scopes: ["read", "use"] }]);
    expect(withdrawn).not.toHaveBeenCalled();
    access.useTokens([{ ...read, scopes: ["use"] }]);
    expect(withdrawn).toHaveBeenCalledOnce();
    expect(over).not.toHaveBeenCalled();
  });

  it("are all compared, in constant time, whichever one is right", () => {
    const known = new Tokens(tokens);
    const compared = vi.mocked(crypto.timingSafeEqual);
    for (const presented of [tokens[0]?.token ?? "", tokens.at(-1)?.token ?? "", "none", ""]) {
      compared.mockClear();
      known.find(presented);
      expect(compared).toHaveBeenCalledTimes(tokens.length);
    }
  });
});

describe("a sidecar without tokens", () => {
  it("lets everybody do everything, and knows callers by their addresses", () => {
    const open = new Access();
    const request = {
      headersDistinct: { host: ["localhost"] },
      headers: {},
      socket: { remoteAddress: "::1" },
    };
    const caller = open.admit(request as never);
    expect(caller).toEqual({ token: "", name: "::1", scopes: new Set(scopes) });
    const withdrawn = vi.fn();
    open.watch(caller, "use", withdrawn);
    open.useTokens([]);
    expect(withdrawn).not.toHaveBeenCalled();
  });
});
