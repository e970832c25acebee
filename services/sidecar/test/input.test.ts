import { connect } from "node:net";
import { memoryStore } from "@sluice/core/memory";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Sidecar } from "../src/sidecar.js";
import { call, problemIn } from "./http.js";
import { startTestSidecar } from "./sidecars.js";
import { OpenStream } from "./streams.js";

const path = "/v1/semaphores/api";
const json = { "content-type": "application/json" };

let sidecar: Sidecar;
let lease: string;
let before: string;

beforeAll(async () => {
  sidecar = await startTestSidecar({ store: memoryStore({ maxLeaseMs: 15_000 }) });
  await call(sidecar.url, "PUT", path, { body: { limit: 3 } });
  // It does not lapse, however long all of it takes.
  const hold = await OpenStream.open(sidecar.url, "POST", `${path}/hold`, { body: {} });
  lease = String((await hold.line(0)).lease);
  before = await state();
});

afterAll(() => sidecar.close());

/** Everything that does not change by itself. */
async function state(): Promise<string> {
  const list = await call(sidecar.url, "GET", "/v1/semaphores");
  const { leases, waiters, ...status } = (await call(sidecar.url, "GET", path)).body;
  const times = /"(oldestLeaseMs|heldMs|expiresInMs)":\d+,?/g;
  return JSON.stringify([list.body, leases, waiters, status]).replaceAll(times, "");
}

interface Bad {
  readonly name: string;
  readonly method?: string;
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  readonly status?: number;
  readonly code?: string;
  readonly says: string;
}

const acquire = `${path}/acquire`;
const renew = `${path}/renew`;
const release = `${path}/release`;
const integer = (field: string, range: string) => `${field} must be an integer from ${range}`;

/** Every value that is no integer of a range. */
function notIntegers(
  target: string,
  field: string,
  range: string,
  tooSmall: number,
  tooLarge: number,
  rest = {},
): Bad[] {
  const values = [tooSmall, tooLarge, 1.5, "1", true, null, [], {}, Number.MAX_SAFE_INTEGER + 1, 1e300];
  const asJson = values.map((value) => JSON.stringify({ ...rest, [field]: value }));
  const overflowing = JSON.stringify({ ...rest, [field]: 0 }).replace(/:0}$/, ":1e999}");
  return [...asJson, overflowing].map((body) => ({
    name: `${target} with ${body}`,
    path: target,
    method: target === path ? "PUT" : "POST",
    body,
    says: integer(field, range),
  }));
}

const longest = "100 to 2147483647";

const table: Bad[] = [
  ...notIntegers(acquire, "permits", "1 to 2147483647", 0, 2 ** 31),
  ...notIntegers(acquire, "waitMs", "0 to 300000", -1, 300_001),
  ...notIntegers(acquire, "leaseMs", longest, 99, 2 ** 31),
  ...notIntegers(acquire, "priority", "-1000 to 1000", -1_001, 1_001),
  ...notIntegers(acquire, "limit", "0 to 2147483647", -1, 2 ** 31),
  ...notIntegers(path, "limit", "0 to 2147483647", -1, 2 ** 31),
  ...notIntegers(path, "leaseMs", longest, 99, 2 ** 31, { limit: 5 }),
  ...notIntegers(path, "maxWaiters", "0 to 2147483647", -1, 2 ** 31, { limit: 5 }),
  ...notIntegers(renew, "leaseMs", longest, 99, 2 ** 31, { leases: ["a"] }),
  {
    name: "a lease longer than the store's",
    path: acquire,
    body: { leaseMs: 15_001 },
    says: "leaseMs must be at most 15000",
  },
  {
    name: "a definition with a longer lease than the store's",
    path: acquire,
    body: { limit: 1, create: { leaseMs: 15_001 } },
    says: "create.leaseMs must be at most 15000",
  },
  {
    name: "a PUT with a longer lease than the store's",
    method: "PUT",
    path,
    body: { limit: 1, leaseMs: 15_001 },
    says: "at most 15000",
  },
  {
    name: "a renewal longer than the store's",
    path: renew,
    body: { leases: ["a"], leaseMs: 15_001 },
    says: "at most 15000",
  },
  { name: "an unknown field", path: acquire, body: { wait: 5 }, says: "wait is not known here" },
  {
    name: "two unknown fields",
    path: acquire,
    body: { a: 1, b: 2 },
    says: "a is not known here; b is not known here",
  },
  {
    name: "a field of every object",
    path: acquire,
    body: '{"__proto__": {"limit": 1}}',
    says: "__proto__ is not known",
  },
  {
    name: "an unknown field inside",
    path: acquire,
    body: { limit: 1, create: { limit: 1 } },
    says: "create.limit is not known",
  },
  {
    name: "a definition without its limit",
    path: acquire,
    body: { create: {} },
    says: "create must be given together with limit",
  },
  { name: "an unknown query", path: `${acquire}?waitMs=5`, body: {}, says: "waitMs is not known here" },
  {
    name: "a holder of the wrong type",
    path: acquire,
    body: { holder: 5 },
    says: "holder must be 1 to 128 printable",
  },
  { name: "an empty holder", path: acquire, body: { holder: "" }, says: "holder must be 1 to 128 printable" },
  {
    name: "a holder with a line break",
    path: acquire,
    body: { holder: "a\nb" },
    says: "holder must be 1 to 128 printable",
  },
  {
    name: "a long holder",
    path: acquire,
    body: { holder: "x".repeat(129) },
    says: "got a string of 129 characters",
  },
  ...["null", "[]", '"text"', "5", "true"].map((body) => ({
    name: `the body ${body}`,
    path: acquire,
    body,
    says: "the body must be a JSON object",
  })),
  ...[
    "",
    "{",
    "{'limit': 1}",
    "limit=1",
    '{"limit": NaN}',
    '{"limit": Infinity}',
    '{"limit": 1}}',
    "\u0000",
  ].map((body) => ({
    name: `the malformed body ${JSON.stringify(body)}`,
    method: "PUT",
    path,
    body,
    headers: json,
    says: body === "" ? "limit must be an integer" : "the body must be JSON",
  })),
  ...["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "multipart/form-data", ""].map(
    (type) => ({
      name: `the content type "${type}"`,
      path: acquire,
      body: "{}",
      headers: { "content-type": type },
      status: 415,
      code: "UNSUPPORTED_MEDIA_TYPE",
      says: "the content-type must be application/json",
    }),
  ),
  {
    name: "a body in another character set",
    path: acquire,
    body: "{}",
    headers: { "content-type": "application/json; charset=latin1" },
    status: 415,
    code: "UNSUPPORTED_MEDIA_TYPE",
    says: "UTF-8",
  },
  {
    name: "a compressed body",
    path: acquire,
    body: "{}",
    headers: { ...json, "content-encoding": "gzip" },
    status: 415,
    code: "UNSUPPORTED_MEDIA_TYPE",
    says: "not compressed",
  },
  {
    name: "a body that is too large",
    path: acquire,
    body: JSON.stringify({ holder: "x".repeat(300_000) }),
    status: 413,
    code: "BODY_TOO_LARGE",
    says: "at most 262144 bytes",
  },
  ...["-a", "a b", "a/b", "ä", "a".repeat(129), "a\u0000", "a?b", ".a"].map((name) => ({
    name: `the name ${JSON.stringify(name)}`,
    path: `/v1/semaphores/${encodeURIComponent(name)}/acquire`,
    body: { limit: 1 },
    says: "name must be a name that matches",
  })),
  {
    name: "a path that cannot be decoded",
    path: "/v1/semaphores/%zz/acquire",
    body: {},
    says: "could not be decoded",
  },
  { name: "a release of nothing", path: release, body: {}, says: "lease must be a lease id" },
  { name: "a release of a number", path: release, body: { lease: 5 }, says: "lease must be a lease id" },
  {
    name: "a release of an id with a space",
    path: release,
    body: { lease: "a b" },
    says: "lease must be a lease id",
  },
  {
    name: "a release of a long id",
    path: release,
    body: { lease: "a".repeat(129) },
    says: "lease must be a lease id",
  },
  { name: "a renewal of nothing", path: renew, body: {}, says: "leases must be an array of lease ids" },
  {
    name: "a renewal of no lease",
    path: renew,
    body: { leases: [] },
    says: "leases must be at least one lease id",
  },
  { name: "a renewal of a text", path: renew, body: { leases: "a" }, says: "leases must be an array" },
  {
    name: "a renewal of numbers",
    path: renew,
    body: { leases: ["a", 5] },
    says: "leases[1] must be a lease id",
  },
  {
    name: "a renewal of too many",
    path: renew,
    body: { leases: Array(1_001).fill("a") },
    says: "at most 1000 lease ids",
  },
  {
    name: "a revocation of an odd id",
    method: "DELETE",
    path: `${path}/leases/a%20b`,
    says: "lease must be a lease id",
  },
  { name: "a resize to nothing", method: "PATCH", path, body: {}, says: "limit must be an integer" },
  {
    name: "a resize of more than the limit",
    method: "PATCH",
    path,
    body: { limit: 1, leaseMs: 500 },
    says: "leaseMs is not known",
  },
  {
    name: "a page without leases",
    method: "GET",
    path: `${path}?pageSize=0`,
    says: integer("pageSize", "1 to 1000"),
  },
  {
    name: "a page that is too large",
    method: "GET",
    path: `${path}?pageSize=1001`,
    says: integer("pageSize", "1 to 1000"),
  },
  {
    name: "a page of a size that is no number",
    method: "GET",
    path: `${path}?pageSize=ten`,
    says: integer("pageSize", "1 to 1000"),
  },
  {
    name: "two sizes of a page",
    method: "GET",
    path: `${path}?pageSize=1&pageSize=2`,
    says: integer("pageSize", "1 to 1000"),
  },
  { name: "an empty cursor", method: "GET", path: `${path}?cursor=`, says: "cursor must be a cursor" },
  {
    name: "a cursor of nobody's",
    method: "GET",
    path: "/v1/semaphores?cursor=abc",
    says: "cursor must be a cursor",
  },
  {
    name: "an unknown query of a list",
    method: "GET",
    path: "/v1/semaphores?limit=5",
    says: "limit is not known here",
  },
  ...["", "a b", "a".repeat(129), "schlüssel"].map((key) => ({
    name: `the Idempotency-Key "${key}"`,
    path: acquire,
    body: {},
    headers: { ...json, "idempotency-key": key },
    says: "Idempotency-Key must be 1 to 128 printable ASCII",
  })),
];

describe("bad input gets a clear answer and changes nothing:", () => {
  it.each(table)(
    "$name",
    async ({ method = "POST", path, body, headers, status = 400, code = "INVALID_ARGUMENT", says }) => {
      const answer = await call(sidecar.url, method, path, {
        ...(body !== undefined && { body }),
        ...(headers && { headers }),
      });
      const problem = problemIn(answer);
      expect(problem).toMatchObject({ status, code });
      expect(problem.detail).toContain(says);
      expect(await state()).toBe(before);
    },
  );

  it("names each fault by itself", async () => {
    const { errors } = problemIn(await call(sidecar.url, "POST", acquire, { body: { permits: 0, wait: 1 } }));
    expect(errors).toEqual([
      { argument: "permits", detail: "permits must be an integer from 1 to 2147483647; got 0" },
      { argument: "wait", detail: "wait is not known here" },
    ]);
  });

  it("does not repeat a thousand faults", async () => {
    const body = { leases: Array(1_000).fill("a b") };
    const { errors, detail } = problemIn(await call(sidecar.url, "POST", renew, { body }));
    expect(errors).toHaveLength(10);
    expect(detail.length).toBeLessThan(2_000);
  });

  it.each([
    ["what is not HTTP", "HELO there\r\n\r\n", "must be HTTP"],
    [
      "headers that are too large",
      `GET /livez HTTP/1.1\r\nhost: a\r\nx: ${"x".repeat(20_000)}\r\n\r\n`,
      "at most 16384 bytes",
    ],
  ])("%s", async (_name, sent, says) => {
    const { hostname, port } = new URL(sidecar.url);
    const socket = connect(Number(port), hostname);
    socket.end(sent);
    let received = "";
    for await (const chunk of socket) received += chunk;
    expect(received).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(received).toContain("application/problem+json");
    expect(received).toContain(says);
    expect(await state()).toBe(before);
  });

  it("still serves the good ones afterwards", async () => {
    const { body } = await call(sidecar.url, "POST", release, { body: { lease } });
    expect(body).toEqual({ released: true });
  });
});
