import { sidecarStore } from "@sluice/client";
import type { Store } from "@sluice/core";
import { memoryStore } from "@sluice/core/memory";
import { redisStore } from "@sluice/core/redis";
import { redlockStore } from "@sluice/core/redlock";
import { type RedisServer, startRedis, until } from "@sluice/testkit";
import { afterEach, describe, expect, it } from "vitest";
import type { Sidecar } from "../src/sidecar.js";
import { call } from "./http.js";
import { shared, startTestSidecar } from "./sidecars.js";

const sidecars: Sidecar[] = [];
const servers: RedisServer[] = [];

afterEach(async () => {
  await Promise.all(sidecars.splice(0).map((sidecar) => sidecar.close()));
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

async function redis(): Promise<RedisServer> {
  const server = await startRedis();
  servers.push(server);
  return server;
}

async function start(store: Store, environment = {}): Promise<Sidecar> {
  const sidecar = await startTestSidecar({ store, environment });
  sidecars.push(sidecar);
  return sidecar;
}

const overRedis = ({ url }: RedisServer) => redisStore(url, { assumeFresh: true });

const acquire = (sidecar: Sidecar, body: object = {}, name = "api") =>
  call<{ lease: string }>(sidecar.url, "POST", `/v1/semaphores/${name}/acquire`, {
    body: { limit: 2, ...body },
  });

/** Every series that a sidecar shows, with its value. */
async function scrape(sidecar: Sidecar): Promise<Map<string, number>> {
  const { text } = await call(sidecar.url, "GET", "/metrics");
  const lines = text.split("\n").flatMap((line) => [/^(sluice_\S+) (\S+)$/.exec(line) ?? []]);
  return new Map(
    lines.flatMap(([, series, value]) => (series === undefined ? [] : [[series, Number(value)]])),
  );
}

/** What comes from the store, but for moments: each process reckons those from its own clock. */
function ofStore(scraped: ReadonlyMap<string, number>): Map<string, number> {
  const pattern =
    /^sluice_(limit|permits_in_use|waiters|store_(grants|lapses|revocations)_total|recovery_active)\{/;
  return new Map([...scraped].filter(([series]) => pattern.test(series)));
}

describe.each<[string, boolean, () => Promise<Store>]>([
  ["in memory", false, async () => memoryStore()],
  ["on Redis", true, async () => overRedis(await redis())],
  [
    "on a quorum",
    true,
    async () => {
      const masters = await Promise.all([redis(), redis(), redis()]);
      return redlockStore(
        masters.map(({ url }) => url),
        { assumeFresh: true },
      );
    },
  ],
  [
    "behind another sidecar",
    true,
    async () => {
      const { url } = await start(memoryStore());
      return sidecarStore(url);
    },
  ],
])("a count %s", (_where, hasServer, open) => {
  it("is told by the metrics, with what the process did about it", { timeout: 30_000 }, async () => {
    const sidecar = await start(await open());
    const { lease } = (await acquire(sidecar)).body;
    await acquire(sidecar, { permits: 2 });
    await call(sidecar.url, "POST", "/v1/semaphores/api/renew", { body: { leases: [lease, "none"] } });
    const second = (await acquire(sidecar)).body.lease;
    await call(sidecar.url, "DELETE", `/v1/semaphores/api/leases/${second}`);
    await call(sidecar.url, "POST", "/v1/semaphores/api/release", { body: { lease } });
    const scraped = await scrape(sidecar);
    expect(Object.fromEntries(scraped)).toMatchObject({
      'sluice_limit{semaphore="api"}': 2,
      'sluice_waiters{semaphore="api"}': 0,
      'sluice_store_grants_total{semaphore="api"}': 2,
      'sluice_store_lapses_total{semaphore="api"}': 0,
      'sluice_store_revocations_total{semaphore="api"}': 1,
      'sluice_recovery_active{semaphore="api"}': 0,
      'sluice_acquires_total{semaphore="api",outcome="granted"}': 2,
      'sluice_acquires_total{semaphore="api",outcome="timeout"}': 1,
      'sluice_acquires_total{semaphore="api",outcome="error"}': 0,
      'sluice_acquire_wait_seconds_count{semaphore="api"}': 2,
      'sluice_releases_total{semaphore="api",reason="explicit"}': 1,
      'sluice_renewals_total{semaphore="api",outcome="renewed"}': 1,
      'sluice_renewals_total{semaphore="api",outcome="lapsed"}': 1,
      'sluice_limit_conflicts_total{semaphore="api"}': 0,
      'sluice_recoveries_total{semaphore="api"}': 0,
      sluice_store_up: 1,
      sluice_store_errors_total: 0,
    });
    expect(scraped.get('sluice_oldest_lease_timestamp_seconds{semaphore="api"}')).toBeGreaterThan(
      Date.now() / 1_000 - 60,
    );
    expect(scraped.has('sluice_oldest_waiter_timestamp_seconds{semaphore="api"}')).toBe(false);
    for (const name of ["sluice_store_roundtrip_seconds_count", "sluice_store_batch_operations_count"])
      expect((scraped.get(name) ?? 0) > 0, name).toBe(hasServer);
  });
});

describe("sidecars on one store", () => {
  it("show the same numbers of it, whichever of them was asked", async () => {
    const server = await redis();
    const [one, other] = [await start(overRedis(server)), await start(overRedis(server))];
    for (const name of ["a", "b", "c"]) await acquire(one, { leaseMs: 200 }, name);
    await acquire(other, {}, "d");
    const waiting = acquire(other, { permits: 2, waitMs: 60_000 }, "d");
    await until(async () => (await scrape(one)).get('sluice_waiters{semaphore="d"}') === 1, {
      what: "the waiter",
    });
    await until(async () => (await scrape(one)).get('sluice_store_lapses_total{semaphore="c"}') === 1, {
      what: "the lapses",
    });
    const [first, second] = [ofStore(await scrape(one)), ofStore(await scrape(other))];
    expect(first).toEqual(second);
    expect(first.get('sluice_store_lapses_total{semaphore="a"}')).toBe(1);
    expect(first.size).toBe(4 * 7);
    await other.close();
    await waiting;
  });

  it("give the same semaphores a label where there are more than may have one", async () => {
    const store = memoryStore();
    const bound = { SLUICE_METRICS_MAX_SEMAPHORES: "2" };
    const one = await start(shared(store), bound);
    const other = await start(store, bound);
    await acquire(one, {}, "z");
    for (const name of ["a", "b", "c"]) await acquire(other, {}, name);
    await call(one.url, "PUT", "/v1/semaphores/x", { body: { limit: 9 } });
    const first = ofStore(await scrape(one));
    expect(first).toEqual(ofStore(await scrape(other)));
    expect(first.get('sluice_limit{semaphore="x"}')).toBe(9);
    expect(first.get('sluice_limit{semaphore="a"}')).toBe(2);
    expect(first.get('sluice_limit{semaphore="other"}')).toBe(6);
  });
});

describe("a scrape", () => {
  it("is answered while Redis is away, and says so; what the process has counted stays", {
    timeout: 30_000,
  }, async () => {
    const server = await redis();
    const sidecar = await start(overRedis(server));
    await acquire(sidecar);
    await scrape(sidecar);
    await server.kill();
    await until(async () => (await scrape(sidecar)).get("sluice_store_up") === 0, { what: "the loss" });
    const away = await scrape(sidecar);
    expect(ofStore(away).size).toBe(0);
    expect(away.get('sluice_acquires_total{semaphore="api",outcome="granted"}')).toBe(1);
    await server.start();
    await until(async () => (await scrape(sidecar)).get("sluice_store_up") === 1, {
      what: "its return",
      timeoutMs: 15_000,
    });
  });

  it("through a sidecar that shows its semaphores to other tokens alone finds the store up", async () => {
    const token = "0123456789abcdef0123456789abcdef";
    const inner = await startTestSidecar({ environment: { SLUICE_TOKEN: token } });
    sidecars.push(inner);
    const outer = await start(sidecarStore(inner.url));
    const scraped = await scrape(outer);
    expect(scraped.get("sluice_store_up")).toBe(1);
    expect(ofStore(scraped).size).toBe(0);
  });
});
