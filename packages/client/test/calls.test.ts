import { execFile } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Store } from "@sluice/core";
import { until } from "@sluice/testkit";
import { afterEach, describe, expect, it } from "vitest";
import { sidecarStore } from "../src/index.js";
import type { SidecarStoreOptions } from "../src/options.js";
import { request } from "./acquires.js";
import { blockLoop } from "./block-loop.js";
import { upgradeAnswer } from "./fake-sessions.js";
import {
  type Answer,
  type Asked,
  cut,
  FakeSidecar,
  grant,
  html,
  json,
  problem,
  silence,
  timeout,
} from "./fake-sidecar.js";

const run = promisify(execFile);
const unavailable = { code: "STORE_UNAVAILABLE" };
const away = problem(503, "STORE_UNAVAILABLE");

let sidecar: FakeSidecar;
let store: Store;

afterEach(async () => {
  await store.close();
  await sidecar.close();
});

async function start(
  answers: ConstructorParameters<typeof FakeSidecar>,
  options?: SidecarStoreOptions,
): Promise<string> {
  sidecar = new FakeSidecar(...answers);
  const url = await sidecar.listen();
  store = sidecarStore(url, { session: false, ...options });
  return url;
}

/** Answers in time, and lets nobody read it before that is over. */
function beforeBlock(answer: Answer): Answer {
  return (asked) => {
    answer(asked);
    process.nextTick(() => blockLoop(1_200));
  };
}

describe("a release over HTTP", () => {
  const released = json(200, { released: true });

  it("heeds an answer that came in time, however late the blocked loop reads it", async () => {
    await start([beforeBlock(released)], { answerMs: 1_000 });
    expect(await store.release({ semaphore: "api", lease: "l" })).toBe(true);
  });

  it("is carried out although the sidecar is away for a moment", async () => {
    await start([cut, away, html(502, "Bad Gateway"), released]);
    expect(await store.release({ semaphore: "api", lease: "l" })).toBe(true);
    expect(sidecar.bodies).toEqual(Array(4).fill({ lease: "l" }));
  });

  it("is carried out when the sidecar is back, after its caller was told that it is away", async () => {
    await start([silence, away, released], { answerMs: 200 });
    await expect(store.release({ semaphore: "api", lease: "l" })).rejects.toMatchObject(unavailable);
    await until(() => sidecar.asked.length === 3, { what: "the release" });
  });

  it("is tried for as long as a lease can last, and no longer", async () => {
    await start([away], { answerMs: 100, maxLeaseMs: 400 });
    await expect(store.release({ semaphore: "api", lease: "l" })).rejects.toMatchObject(unavailable);
    // The lease has lapsed by then.
    await sleep(1_000);
    const tries = sidecar.asked.length;
    // No pause between two tries is as long.
    await sleep(1_100);
    expect(sidecar.asked).toHaveLength(tries);
  });
});

describe("renewals over HTTP", () => {
  const renewing = ({ body, response }: Asked) => {
    const leases = (body.leases as string[]).map((lease) => ({
      lease,
      renewed: true,
      expiresInMs: Number(body.leaseMs ?? 10_000),
    }));
    json(200, { leases })({ response } as Asked);
  };

  it("go in one request for each time, of a thousand leases at most, and are answered in their order", async () => {
    await start([renewing]);
    const renewals = Array.from({ length: 2_500 }, (_, index) => ({
      lease: `l${index}`,
      ...(index % 5 === 0 && { leaseMs: 3_000 }),
    }));
    const before = performance.now();
    const results = await store.renew("api", renewals);
    expect(results.map(({ lease }) => lease)).toEqual(renewals.map(({ lease }) => lease));
    for (const [index, result] of results.entries()) {
      if (!result.renewed) throw new Error("all of them are");
      const leaseMs = index % 5 === 0 ? 3_000 : 10_000;
      expect(result.validUntil).toBeGreaterThan(before + leaseMs - 100);
      expect(result.validUntil).toBeLessThan(performance.now() + leaseMs);
    }
    const sizes = sidecar.bodies.map(({ leases, leaseMs }) => [(leases as string[]).length, leaseMs]);
    expect(sizes.sort()).toEqual(
      [
        [1_000, undefined],
        [1_000, undefined],
        [500, 3_000],
      ].sort(),
    );
  });

  const known = { lease: "granted-lease", permits: 1, fence: 7, leaseMs: 10_000, limit: 3 };
  const gone = (reason = "lapsed") =>
    json(200, { leases: [{ lease: "granted-lease", renewed: false, expiresInMs: 0, reason }] });
  const restored = json(200, { leases: [{ lease: "granted-lease", renewed: true, expiresInMs: 9_000 }] });

  it("tell all of a lease that is not known any more, for a sidecar that recovers", async () => {
    await start([grant(), gone(), restored]);
    await store.acquire(request());
    const askedAt = performance.now();
    const [renewed] = await store.renew("api", [{ lease: "granted-lease" }]);
    if (!renewed?.renewed) throw new Error("it was restored");
    expect(renewed.validUntil).toBeGreaterThan(askedAt + 8_900);
    expect(sidecar.bodies[1]).toEqual({ leases: ["granted-lease"] });
    expect(sidecar.bodies[2]).toMatchObject({ leases: [{ ...known, semaphore: "api", holder: "test" }] });
  });

  it("tell it once, and nothing of a lease that was revoked, or released", async () => {
    await start([
      grant(),
      gone(),
      gone(),
      gone(),
      grant(),
      gone("revoked"),
      json(200, { released: true }),
      gone(),
    ]);
    const renew = () => store.renew("api", [{ lease: "granted-lease" }]);
    await store.acquire(request());
    expect(await renew()).toMatchObject([{ renewed: false, reason: "lapsed" }]);
    await renew();
    await store.acquire(request());
    expect(await renew()).toMatchObject([{ renewed: false, reason: "revoked" }]);
    await store.release({ semaphore: "api", lease: "granted-lease" });
    await renew();
    expect(sidecar.asked).toHaveLength(8);
  });

  it("say why a lease was not renewed", async () => {
    const lost = { lease: "l", renewed: false, expiresInMs: 0, reason: "revoked" };
    await start([json(200, { leases: [lost] })]);
    expect(await store.renew("api", [{ lease: "l" }])).toEqual([
      { lease: "l", renewed: false, reason: "revoked" },
    ]);
  });
});

describe("a call over HTTP", () => {
  it("fails in time when there is no answer", async () => {
    await start([silence], { answerMs: 200 });
    const askedAt = performance.now();
    await expect(store.inspect("api")).rejects.toMatchObject(unavailable);
    expect(performance.now() - askedAt).toBeLessThan(2_000);
  });

  it("heeds an answer that came in time, however late the blocked loop reads it", async () => {
    await start([beforeBlock(json(200, { semaphores: [] }))], { answerMs: 1_000 });
    expect(await store.list()).toEqual({ semaphores: [] });
    expect(sidecar.asked).toHaveLength(1);
  });

  it("says what a proxy has said", async () => {
    const url = await start([html(502, "<html><h1>502 Bad Gateway</h1></html>")], { answerMs: 100 });
    await expect(store.list()).rejects.toMatchObject({
      ...unavailable,
      message: `the sidecar at ${url}/ is unavailable: answered 502 text/html: "502 Bad Gateway"`,
    });
  });

  it("says that also where there was no time left for the last try", async () => {
    await start([html(502, "<h1>Bad Gateway</h1>"), silence], { answerMs: 1_500 });
    await expect(store.list()).rejects.toThrow('answered 502 text/html: "Bad Gateway"');
    expect(sidecar.asked).toHaveLength(2);
  });

  it("fails at once where what answers is no sidecar", async () => {
    await start([html(200, "<html>Hello</html>")]);
    await expect(store.define("api", { limit: 1, leaseMs: 1_000, maxWaiters: 1 })).rejects.toThrow(
      "is not a sidecar",
    );
    expect(sidecar.asked).toHaveLength(1);
  });

  it("says what the sidecar does not allow", async () => {
    await start([
      json(
        403,
        { code: "FORBIDDEN", detail: "the token lacks the scope operate" },
        "application/problem+json",
      ),
    ]);
    await expect(store.list()).rejects.toMatchObject({
      ...unavailable,
      message: expect.stringContaining("refuses: FORBIDDEN, the token lacks the scope operate"),
    });
  });

  it("asks for the pages that it is told to", async () => {
    await start([json(200, { semaphores: [], cursor: "next" })]);
    expect(await store.list({ pageSize: 5, cursor: "a/b" })).toEqual({ semaphores: [], cursor: "next" });
    expect(sidecar.asked[0]?.path).toBe("/v1/semaphores?pageSize=5&cursor=a%2Fb");
  });
});

describe("what observers hear", () => {
  it("is when the sidecar goes and comes back", async () => {
    await start([cut, away, json(200, { released: true })]);
    const heard: boolean[] = [];
    store.observe({ availability: ({ up }) => heard.push(up) });
    await store.release({ semaphore: "api", lease: "l" });
    expect(heard).toEqual([false, true]);
  });

  it("is how long a request took without the wait for a permit", async () => {
    await start([(asked) => setTimeout(() => grant({ waitedMs: 290 })(asked), 300)]);
    const heard: { durationMs: number; operations: number }[] = [];
    store.observe({ roundtrip: (event) => heard.push(event) });
    const askedAt = performance.now();
    await store.acquire(request({ waitMs: 5_000 }));
    expect(heard).toMatchObject([{ operations: 1 }]);
    expect(heard[0]?.durationMs).toBeLessThanOrEqual(performance.now() - askedAt - 290);
    expect(heard[0]?.durationMs).toBeGreaterThan(0);
  });
});

describe("a store over HTTP that is closed", () => {
  it("fails those who wait, takes them out of the queue, and cuts its connections", async () => {
    await start([silence, timeout]);
    const waiting = expect(store.acquire(request({ waitMs: 30_000 }))).rejects.toMatchObject(unavailable);
    await until(() => sidecar.asked.length === 1, { what: "the request" });
    await store.close();
    await waiting;
    expect(sidecar.bodies.map(({ waitMs }) => waitMs)).toEqual([30_000, 0]);
  });

  it("does not wait for a sidecar that is away", async () => {
    await start([away], { answerMs: 60_000, maxLeaseMs: 60_000 });
    const release = expect(store.release({ semaphore: "api", lease: "l" })).rejects.toMatchObject(
      unavailable,
    );
    await until(() => sidecar.asked.length > 0, { what: "the request" });
    const closedAt = performance.now();
    await store.close();
    await release;
    expect(performance.now() - closedAt).toBeLessThan(2_000);
  });

  it.each(["open", "closed"])(
    "lets its process end by itself, also while it is %s and idle",
    async (state) => {
      const url = await start([grant()]);
      sidecar.sessions.refusal = upgradeAnswer("426 Upgrade Required", "");
      const child = fileURLToPath(new URL("children/idle.mjs", import.meta.url));
      const { stdout } = await run(process.execPath, [child, url, state], { timeout: 15_000 });
      expect(stdout).toBe("idle\n");
    },
  );
});
