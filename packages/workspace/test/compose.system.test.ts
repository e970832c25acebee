import { until } from "@sluice/testkit";
import { PrometheusApi } from "@sluice/testkit/prometheus";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compose, sidecarNames } from "./compose/file.js";
import { type Composition, startComposition } from "./compose/without-containers.js";

// In this order: the services come up, work, and end.

let composition: Composition;
let prometheus: PrometheusApi;

beforeAll(async () => {
  composition = await startComposition();
  prometheus = new PrometheusApi(composition.urlOf("prometheus"));
});

afterAll(() => composition.stop());

/** What a caller with this token is answered by the first sidecar. */
function ask(path: string, token: string | undefined, body?: unknown): Promise<Response> {
  const headers = { "content-type": "application/json" };
  return fetch(`${composition.urlOf("sidecar-a")}${path}`, {
    method: body === undefined ? "GET" : "PUT",
    headers: token === undefined ? headers : { ...headers, authorization: `Bearer ${token}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

/** The value of a query that gives one, as soon as it does. */
async function answerTo(query: string): Promise<number> {
  const [series] = (await prometheus.query(query)).series;
  return Number(series?.value?.[1]);
}

describe("the services of docker-compose.yml, as processes of this host", () => {
  it("sidecars become healthy, and warn of nothing", async () => {
    composition.startSidecars();
    for (const name of sidecarNames) {
      const what = `${name} to be healthy`;
      await until(async () => (await composition.healthCheckOf(name)) === 0, { what, timeoutMs: 60_000 });
      expect(composition.talkOf(name)).not.toMatch(/may read|everybody|in memory/);
    }
  });

  it("the demo becomes healthy, by grants of both sidecars", async () => {
    composition.startDemo();
    const what = "the demo to be healthy";
    await until(async () => (await composition.healthCheckOf("demo")) === 0, { what, timeoutMs: 60_000 });
  });

  it("Prometheus becomes healthy, and scrapes all of its targets", async () => {
    composition.startPrometheus();
    await until(() => prometheus.isReady(), { what: "Prometheus", timeoutMs: 60_000 });
    // What the check of its container asks, by a command that promtool has since 2.43.
    expect(compose.services.prometheus.healthcheck.test).toEqual(["CMD", "promtool", "check", "healthy"]);
    expect((await fetch(`${prometheus.url}/-/healthy`)).status).toBe(200);

    const up = async () => (await prometheus.targets()).filter(({ health }) => health === "up");
    const allUp = async () => (await up()).length === 3;
    await until(allUp, { what: "all targets to be up", timeoutMs: 60_000, everyMs: 250 });
    expect(await prometheus.targets()).toHaveLength(3);
    for (const { health, lastError } of await prometheus.rules())
      expect(`${health} ${lastError ?? ""}`).not.toMatch(/^err/);
  });

  it("both sidecars grant, and Prometheus sees one count with the demo's limits", async () => {
    const granted = 'count(sum by (instance) (sluice_acquires_total{outcome="granted"}) > 0)';
    const seen = async () => (await answerTo(granted)) === sidecarNames.length;
    await until(seen, { what: "grants of both sidecars", timeoutMs: 60_000, everyMs: 250 });
    expect(await answerTo('max(sluice_limit{semaphore="checkout-api"})')).toBe(10);
    expect(await answerTo('max(sluice_permits_in_use{semaphore="checkout-api"})')).toBeLessThanOrEqual(10);
  });

  it("every token is for what its caller does", async () => {
    const definition = { limit: 3 };
    expect((await ask("/v1/semaphores", undefined)).status).toBe(401);
    expect((await ask("/metrics", composition.secret("prometheus"))).status).toBe(200);
    expect((await ask("/metrics", composition.secret("demo"))).status).toBe(403);
    expect((await ask("/v1/semaphores/by-hand", composition.secret("demo"), definition)).status).toBe(403);
    expect((await ask("/v1/semaphores/by-hand", composition.secret("onCall"), definition)).status).toBe(201);
  });

  it("all end in good order, and no upstream of the demo ever refused a call", async () => {
    expect(await composition.end("demo")).toBe(0);
    expect(composition.talkOf("demo")).toMatch(
      /Stopped after [1-9]\d* tasks in .*: no upstream ever refused a call/,
    );
    for (const name of sidecarNames) expect(await composition.end(name), name).toBe(0);
    expect(await composition.end("prometheus")).toBe(0);
  });
});
