import { type RedisServer, startRedis } from "@sluice/testkit";
import { afterEach, expect, it } from "vitest";
import { call } from "./http.js";
import { Program } from "./program.js";

const masters: RedisServer[] = [];
let program: Program;

afterEach(async () => {
  await program.kill();
  for (const master of masters.splice(0)) await master.stop();
});

it("a sidecar on a quorum grants and renews while a minority is away, and names the masters without secrets", {
  timeout: 60_000,
}, async () => {
  masters.push(...(await Promise.all([startRedis(), startRedis(), startRedis()])));
  const urls = masters.map(({ port }) => `redis://:hunter2@127.0.0.1:${port}`);
  for (const master of masters) await master.command("CONFIG", "SET", "requirepass", "hunter2");
  program = new Program({ SLUICE_QUORUM_URLS: urls.join(","), SLUICE_ASSUME_FRESH: "1" });
  const url = await program.url();
  const acquire = () => call(url, "POST", "/v1/semaphores/api/acquire", { body: { limit: 1 } });

  const granted = await acquire();
  expect(granted).toMatchObject({ status: 200, body: { limit: 1 } });
  await masters[1]?.kill();
  const { lease } = granted.body as { lease: string };
  const renewed = await call(url, "POST", "/v1/semaphores/api/renew", { body: { leases: [lease] } });
  expect(renewed).toMatchObject({ status: 200, body: { leases: [{ renewed: true }] } });
  expect(await acquire()).toMatchObject({ status: 429, body: { code: "ACQUIRE_TIMEOUT" } });
  expect(await call(url, "GET", "/readyz")).toMatchObject({ status: 200 });
  await masters[2]?.kill();
  expect(await acquire()).toMatchObject({ status: 503, body: { code: "STORE_UNAVAILABLE" } });
  await program.says("a quorum of Redis at");
  expect(program.stderr).not.toContain("hunter2");
});
