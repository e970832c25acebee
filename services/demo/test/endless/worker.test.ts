import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { sidecarStore } from "@sluice/client";
import { type NodeProcess, spawnNode, until } from "@sluice/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { toArgs } from "../../src/endless/worker/options.js";
import { busy, workloads } from "../../src/endless/workloads.js";
import { createUpstream } from "../../src/upstream/server.js";

const SIDECAR = fileURLToPath(new URL("dist/main.js", import.meta.resolve("@sluice/sidecar/package.json")));
const WORKER = fileURLToPath(new URL("../../dist/endless/worker/main.js", import.meta.url));
const NOBODY = "http://127.0.0.1:1";
const LIMIT = 2;
const timeoutMs = 60_000;

/** The calls that the upstream of the busy semaphore works on, each by what ends it. */
const calls: (() => void)[] = [];
let sidecar: NodeProcess;
let upstream: Server;

beforeAll(async () => {
  sidecar = spawnNode(SIDECAR, [], { env: { SLUICE_PORT: "0" } });
  const work = () => new Promise<void>((end) => void calls.push(end));
  upstream = createUpstream({ limit: LIMIT, taskMs: 1 }, work).listen(0, "127.0.0.1");
  await once(upstream, "listening");
});

afterAll(async () => {
  upstream.closeAllConnections();
  upstream.close();
  await sidecar.kill();
});

it("a worker that is told to end by the terminal, and by its parent, finishes what it has begun", {
  timeout: 3 * timeoutMs,
}, async () => {
  const [url = ""] = await until(() => /http:\/\/127\.0\.0\.1:\d+/.exec(sidecar.talk), {
    what: "a sidecar to listen",
    timeoutMs,
  });
  const store = sidecarStore(url);
  // Fewer permits than lanes: those who wait leave as soon as the worker has heard.
  await store.define(busy.semaphore, { limit: LIMIT, leaseMs: 10_000, maxWaiters: 100 });
  const waiting = async () => (await store.inspect(busy.semaphore))?.waiting;

  const { port } = upstream.address() as AddressInfo;
  const upstreams = workloads.map((one) => (one === busy ? `http://127.0.0.1:${port}` : NOBODY));
  const args = toArgs({ name: "worker", sidecar: url, upstreams, diesAfterMs: undefined });
  await using worker = spawnNode(WORKER, args);
  await until(async () => calls.length === LIMIT && (await waiting()) === busy.lanes - LIMIT, {
    what: "all lanes to be at work",
    timeoutMs,
  });
  worker.signal("SIGTERM");
  await until(async () => (await waiting()) === 0, { what: "those who wait to leave", timeoutMs });
  expect((await store.inspect(busy.semaphore))?.inUse).toBe(LIMIT);
  worker.signal("SIGTERM");
  for (const end of calls) end();
  expect(await worker.exited, worker.talk).toEqual({ code: 0, signal: null });
  expect((await store.inspect(busy.semaphore))?.inUse).toBe(0);
  await store.close();
});
