import { readinessAnswer } from "@sluice/client/shapes";
import { StoreUnavailableError } from "@sluice/core";
import { memoryStore } from "@sluice/core/memory";
import { afterEach, describe, expect, it } from "vitest";
import type { Sidecar } from "../src/sidecar.js";
import { version } from "../src/version.js";
import { call } from "./http.js";
import { startTestSidecar } from "./sidecars.js";

let sidecar: Sidecar;

afterEach(() => sidecar.close());

const get = (path: string) => call(sidecar.url, "GET", path);

describe("the probes", () => {
  it("say that the sidecar lives, and that it is ready while its store answers", async () => {
    const store = memoryStore();
    const ping = store.ping;
    sidecar = await startTestSidecar({ store });
    expect(await get("/readyz")).toMatchObject({ status: 200, body: { status: "ready" } });
    store.ping = () => Promise.reject(new StoreUnavailableError("Redis is away"));
    const { status, body } = await get("/readyz");
    expect(status).toBe(503);
    expect(readinessAnswer.strict().parse(body)).toEqual({
      status: "unavailable",
      components: {
        store: { status: "down", detail: "Redis is away" },
        recovery: { status: "idle" },
        drain: { status: "idle" },
      },
    });
    expect((await get("/livez")).status).toBe(200);
    store.ping = ping;
    expect((await get("/readyz")).status).toBe(200);
  });

  it("do not say where the store is where tokens are asked for, because they ask for none", async () => {
    const ping = () => Promise.reject(new StoreUnavailableError("connect ECONNREFUSED 10.1.2.3:6379"));
    const environment = { SLUICE_TOKEN: "correct-horse-battery" };
    sidecar = await startTestSidecar({ store: Object.assign(memoryStore(), { ping }), environment });
    const { status, body } = await get("/readyz");
    expect(status).toBe(503);
    expect(body.components).toMatchObject({
      store: { status: "down", detail: "the store does not answer" },
    });
  });

  it("do not wait long for a store that does not answer", async () => {
    const store = Object.assign(memoryStore(), { ping: () => new Promise<void>(() => {}) });
    sidecar = await startTestSidecar({ store });
    const { status, body } = await get("/readyz");
    expect(status).toBe(503);
    expect(body).toMatchObject({
      components: { store: { status: "down", detail: "no answer within 1000 ms" } },
    });
  });
});

describe("the metrics", () => {
  it("are those that the sidecar promises, and Node's own", async () => {
    sidecar = await startTestSidecar();
    await call(sidecar.url, "PUT", "/v1/semaphores/api", { body: { limit: 3 } });
    await call(sidecar.url, "POST", "/v1/semaphores/api/acquire", { body: {} });
    const { status, headers, text } = await get("/metrics");
    expect(status).toBe(200);
    expect(headers["content-type"]).toMatch(/^text\/plain; version=0\.0\.4/);
    const names = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name));
    for (const name of [
      "sluice_limit",
      "sluice_permits_in_use",
      "sluice_waiters",
      "sluice_oldest_lease_timestamp_seconds",
      "sluice_oldest_waiter_timestamp_seconds",
      "sluice_store_grants_total",
      "sluice_store_lapses_total",
      "sluice_store_revocations_total",
      "sluice_acquires_total",
      "sluice_acquire_wait_seconds",
      "sluice_lease_duration_seconds",
      "sluice_releases_total",
      "sluice_renewals_total",
      "sluice_leases_lost_total",
      "sluice_limit_conflicts_total",
      "sluice_recovery_active",
      "sluice_recoveries_total",
      "sluice_store_up",
      "sluice_store_errors_total",
      "sluice_store_roundtrip_seconds",
      "sluice_store_batch_operations",
      "sluice_http_request_duration_seconds",
      "sluice_sessions",
      "sluice_build_info",
      "process_cpu_seconds_total",
      "nodejs_eventloop_lag_seconds",
    ]) {
      expect(names, name).toContain(name);
    }
    expect(text).toContain('sluice_limit{semaphore="api"} 3');
    expect(text).toContain('sluice_permits_in_use{semaphore="api"} 1');
    expect(text).toContain('sluice_acquires_total{semaphore="api",outcome="granted"} 1');
    expect(text).toContain(`sluice_build_info{version="${version}"} 1`);
  });

  it("label requests by what was asked for, in numbers that callers cannot raise", async () => {
    sidecar = await startTestSidecar();
    for (let i = 0; i < 20; i += 1) {
      await get(`/v1/semaphores/api-${i}`);
      await get(`/nothing/${i}`);
      await call(sidecar.url, "POST", `/v1/semaphores/api-${i}`);
      await call(sidecar.url, "REPORT", `/v1/semaphores/api-${i}`);
    }
    const { text } = await get("/metrics");
    const series = [...text.matchAll(/^sluice_http_request_duration_seconds_count\{(.*)\} (\d+)$/gm)];
    expect(series.map(([, labels, count]) => `${labels} ${count}`).sort()).toEqual([
      'method="GET",route="/v1/semaphores/:name",status="404" 20',
      'method="GET",route="unknown",status="404" 20',
      'method="POST",route="/v1/semaphores/:name",status="405" 20',
      'method="other",route="/v1/semaphores/:name",status="405" 20',
    ]);
  });

  it("give a bounded number of semaphores a label of their own", async () => {
    sidecar = await startTestSidecar({ environment: { SLUICE_METRICS_MAX_SEMAPHORES: "2" } });
    for (const name of ["a", "b", "c", "d"]) {
      await call(sidecar.url, "POST", `/v1/semaphores/${name}/acquire`, { body: { limit: 1 } });
    }
    const { text } = await get("/metrics");
    expect(new Set([...text.matchAll(/semaphore="([^"]*)"/g)].map(([, name]) => name))).toEqual(
      new Set(["a", "b", "other"]),
    );
  });
});
