import { problemCodes } from "@sluice/client/shapes";
import {
  type AcquireResult,
  RecoveringError,
  type Store,
  StoreIncompatibleError,
  StoreUnavailableError,
} from "@sluice/core";
import { memoryStore } from "@sluice/core/memory";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { HttpProblem } from "../src/http/problem.js";
import type { Sidecar } from "../src/sidecar.js";
import { type Answer, call, problemIn } from "./http.js";
import { startTestSidecar } from "./sidecars.js";

const quotaExceeded = "https://iana.org/assignments/http-problem-types#quota-exceeded";
const sidecars: Sidecar[] = [];
let logged: string[] = [];

beforeEach(() => {
  logged = [];
});

afterAll(async () => {
  await Promise.all(sidecars.map((sidecar) => sidecar.close()));
});

async function ask(
  method: string,
  path: string,
  body?: unknown,
  overrides: Partial<Store> = {},
): Promise<Answer> {
  const store = Object.assign(memoryStore(), overrides);
  const sidecar = await startTestSidecar({ store, logged });
  sidecars.push(sidecar);
  await call(sidecar.url, "PUT", "/v1/semaphores/full", { body: { limit: 1, maxWaiters: 0 } });
  await call(sidecar.url, "POST", "/v1/semaphores/full/acquire", { body: {} });
  return call(sidecar.url, method, path, { ...(body !== undefined && { body }) });
}

const answering = (result: AcquireResult): Partial<Store> => ({ acquire: async () => result });
const failing = (error: Error): Partial<Store> => ({
  acquire: () => Promise.reject(error),
  list: () => Promise.reject(error),
});

describe("a problem", () => {
  it("says that a wait was over, in the words of the draft on rate limits", async () => {
    const answer = await ask("POST", "/v1/semaphores/full/acquire", {});
    expect(problemIn(answer)).toEqual({
      type: quotaExceeded,
      title: "Too Many Requests",
      status: 429,
      code: "ACQUIRE_TIMEOUT",
      detail: '"full" had no free permit within 0 ms (limit 1)',
      limit: 1,
      "violated-policies": ["full"],
    });
    expect(answer.headers["ratelimit-policy"]).toBe('"full";q=1;qu="concurrent-requests"');
    expect(answer.headers["retry-after"]).toBe("1");
  });

  it("says that the queue is full", async () => {
    // Where nobody may queue, who would wait is refused for that, and not for the wait.
    const answer = await ask("POST", "/v1/semaphores/full/acquire", { waitMs: 1_000 });
    expect(problemIn(answer)).toMatchObject({ status: 429, type: quotaExceeded, code: "QUEUE_FULL" });
    expect(problemIn(answer)).toMatchObject({ limit: 1, maxWaiters: 0 });
    expect(answer.headers["ratelimit-policy"]).toBe('"full";q=1;qu="concurrent-requests"');
  });

  it("says that the limit could never give so many", async () => {
    const answer = await ask("POST", "/v1/semaphores/full/acquire", { permits: 2, waitMs: 1_000 });
    expect(problemIn(answer)).toMatchObject({
      status: 422,
      code: "PERMITS_EXCEED_LIMIT",
      permits: 2,
      limit: 1,
    });
    expect(answer.headers).not.toHaveProperty("retry-after");
  });

  it("says that a semaphore does not exist, whatever is asked of it", async () => {
    for (const [method, path, body] of [
      ["POST", "/v1/semaphores/none/acquire", {}],
      ["GET", "/v1/semaphores/none", undefined],
      ["PATCH", "/v1/semaphores/none", { limit: 1 }],
      ["DELETE", "/v1/semaphores/none", undefined],
    ] as const) {
      expect(problemIn(await ask(method, path, body))).toMatchObject({
        status: 404,
        code: "SEMAPHORE_UNKNOWN",
      });
    }
  });

  it("says that a semaphore is in use", async () => {
    expect(problemIn(await ask("DELETE", "/v1/semaphores/full"))).toMatchObject({
      status: 409,
      code: "SEMAPHORE_IN_USE",
    });
  });

  it("says that there is no such lease to revoke", async () => {
    expect(problemIn(await ask("DELETE", "/v1/semaphores/full/leases/none"))).toMatchObject({
      status: 404,
      code: "LEASE_UNKNOWN",
    });
  });

  it("says that there is nothing at a path", async () => {
    for (const path of ["/v1", "/v1/semaphores/full/hole", "/v1/semaphores/", "/V1/semaphores"]) {
      expect(problemIn(await ask("GET", path)), path).toMatchObject({ status: 404, code: "NOT_FOUND" });
    }
  });

  it("says which methods there are", async () => {
    for (const [method, path, allow] of [
      ["GET", "/v1/semaphores/full/acquire", "POST"],
      ["PUT", "/v1/semaphores/full/release", "POST"],
      ["DELETE", "/v1/semaphores/full/renew", "POST"],
      ["POST", "/v1/semaphores/full", "GET, HEAD, PUT, PATCH, DELETE"],
      ["POST", "/v1/semaphores", "GET, HEAD"],
      ["GET", "/v1/semaphores/full/leases/none", "DELETE"],
      ["POST", "/metrics", "GET, HEAD"],
      ["OPTIONS", "/readyz", "GET, HEAD"],
    ] as const) {
      const answer = await ask(method, path);
      expect(problemIn(answer), path).toMatchObject({ status: 405, code: "METHOD_NOT_ALLOWED" });
      expect(answer.headers.allow, path).toBe(allow);
    }
  });

  it("says that the store is away, and when to ask again", async () => {
    const away = failing(new StoreUnavailableError("Redis is away"));
    for (const [method, path, body] of [
      ["POST", "/v1/semaphores/full/acquire", {}],
      ["GET", "/v1/semaphores", undefined],
    ] as const) {
      const answer = await ask(method, path, body, away);
      expect(problemIn(answer)).toMatchObject({
        status: 503,
        code: "STORE_UNAVAILABLE",
        detail: "Redis is away",
      });
      expect(answer.headers["retry-after"]).toBe("1");
    }
  });

  it("says that the store recovers, and when to ask again in whole seconds", async () => {
    for (const overrides of [
      answering({ outcome: "recovering", retryAfterMs: 4_200 }),
      failing(new RecoveringError("full", 4_200)),
    ]) {
      const answer = await ask("POST", "/v1/semaphores/full/acquire", {}, overrides);
      expect(problemIn(answer)).toMatchObject({ status: 503, code: "RECOVERING", retryAfterMs: 4_200 });
      expect(answer.headers["retry-after"]).toBe("5");
    }
  });

  it("says that the store is of another time", async () => {
    const old = failing(new StoreIncompatibleError("Redis 6.2 is too old"));
    expect(problemIn(await ask("POST", "/v1/semaphores/full/acquire", {}, old))).toMatchObject({
      status: 502,
      code: "STORE_INCOMPATIBLE",
    });
  });

  it("says that a later request took its place, or that the key was used for another request", async () => {
    const superseded = await ask(
      "POST",
      "/v1/semaphores/full/acquire",
      {},
      answering({ outcome: "superseded" }),
    );
    expect(problemIn(superseded)).toMatchObject({ status: 409, code: "REQUEST_SUPERSEDED" });
    const reused = await ask("POST", "/v1/semaphores/full/acquire", {}, answering({ outcome: "reused" }));
    expect(problemIn(reused)).toMatchObject({ status: 422, code: "REQUEST_REUSED" });
  });

  it("says nothing of an error that nobody has foreseen, and logs it whole", async () => {
    const secret = new Error("the password is hunter2", { cause: new Error("deep down") });
    const problem = problemIn(await ask("GET", "/v1/semaphores", undefined, failing(secret)));
    expect(problem).toMatchObject({ status: 500, code: "INTERNAL" });
    expect(JSON.stringify(problem)).not.toContain("hunter2");
    expect(logged.join()).toContain("GET /v1/semaphores failed");
    expect(logged.join()).toContain("hunter2");
    expect(logged.join()).toContain("deep down");
    expect(logged.join()).toContain("problems.test.ts");
  });

  it("has a status of its own kind for every code", () => {
    for (const code of problemCodes) {
      const { status, title } = new HttpProblem(code, "what happened").toJSON();
      expect(status, code).toBeGreaterThanOrEqual(400);
      expect(title, code).not.toBe("Error");
    }
  });
});
