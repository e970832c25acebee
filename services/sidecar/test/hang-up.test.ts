import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { AcquireRequest, AcquireResult, Snapshot, Store } from "@sluice/core";
import { memoryStore } from "@sluice/core/memory";
import { seededRandom, until } from "@sluice/testkit";
import { afterEach, describe, expect, it } from "vitest";
import type { Sidecar } from "../src/sidecar.js";
import { call } from "./http.js";
import { RawCaller } from "./raw-caller.js";
import { startTestSidecar } from "./sidecars.js";

const path = "/v1/semaphores/api/acquire";

let sidecar: Sidecar;

afterEach(() => sidecar.close());

async function start(store: Store, limit: number): Promise<void> {
  sidecar = await startTestSidecar({ store, lingerMs: 100 });
  await call(sidecar.url, "PUT", "/v1/semaphores/api", { body: { limit } });
}

async function look(): Promise<Snapshot> {
  const snapshot = await sidecar.store.inspect("api");
  if (snapshot === undefined) throw new Error("there is no such semaphore");
  return snapshot;
}

const becomes = (what: string, condition: (snapshot: Snapshot) => boolean) =>
  until(async () => condition(await look()), { what });

/** The value of a series, undefined where there is none. */
async function metric(series: string): Promise<number | undefined> {
  const { text } = await call(sidecar.url, "GET", "/metrics");
  const line = text.split("\n").find((candidate) => candidate.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.split(" ").at(-1));
}

describe("a caller that hangs up", () => {
  it("leaves the queue at once, and those behind it move up", async () => {
    await start(memoryStore(), 1);
    const held = await call(sidecar.url, "POST", path, { body: {} });
    const gone = new RawCaller(sidecar.url, path, { waitMs: 60_000 });
    await becomes("one waits", ({ waiting }) => waiting === 1);
    const next = call(sidecar.url, "POST", path, { body: { waitMs: 60_000 } });
    await becomes("two wait", ({ waiting }) => waiting === 2);
    gone.hangUp();
    await becomes("one waits again", ({ waiting }) => waiting === 1);
    await sidecar.store.release({ semaphore: "api", lease: String(held.body.lease) });
    expect((await next).status).toBe(200);
  });

  it("gives back what it was granted, when it was gone before it could be told", async () => {
    const memory = memoryStore();
    const acquire = memory.acquire.bind(memory);
    // The grant is on its way when the caller leaves: the store does not hear of it in time.
    const slow = async (request: AcquireRequest, signal?: AbortSignal): Promise<AcquireResult> => {
      const result = await acquire(request);
      if (signal) await once(signal, "abort");
      return result;
    };
    await start(Object.assign(memory, { acquire: slow }), 1);
    const caller = new RawCaller(sidecar.url, path, {});
    await becomes("the permit is taken", ({ inUse }) => inUse === 1);
    caller.hangUp();
    await becomes("the permit is free", ({ inUse }) => inUse === 0);
    expect(await metric('sluice_releases_total{semaphore="api",reason="disconnect"}')).toBe(1);
  });

  it("leaves nothing behind, whenever it does so, with or without an Idempotency-Key", async () => {
    await start(memoryStore(), 5);
    const random = seededRandom(20_261_122);
    const callers = Array.from({ length: 300 }, async (_, index) => {
      await sleep(random() * 300);
      const headers: Record<string, string> = index % 3 === 0 ? { "idempotency-key": `key-${index}` } : {};
      const body = { waitMs: 60_000, leaseMs: 400, permits: 1 + (index % 3) };
      const caller = new RawCaller(sidecar.url, path, body, headers);
      await sleep(random() * 200);
      caller.hangUp();
      await caller.closed();
    });
    await Promise.all(callers);
    // What was written before the caller left counts as received: it lapses, like everything that nobody renews.
    await becomes("nothing is held and nobody waits", ({ inUse, waiting }) => inUse === 0 && waiting === 0);
    // The last ones may lie before the sidecar unread, and lapse then.
    const all = await call(sidecar.url, "POST", path, { body: { permits: 5, waitMs: 15_000 } });
    expect(all.status).toBe(200);
  });

  it("is counted as one that left", async () => {
    await start(memoryStore(), 0);
    const caller = new RawCaller(sidecar.url, path, { waitMs: 60_000 });
    await becomes("it waits", ({ waiting }) => waiting === 1);
    caller.hangUp();
    const left = 'method="POST",route="/v1/semaphores/:name/acquire",status="499"';
    await until(async () => (await metric(`sluice_http_request_duration_seconds_count{${left}}`)) === 1, {
      what: "the metric",
    });
  });
});
