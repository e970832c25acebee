import { memoryStore } from "@sluice/core/memory";
import { promtool } from "@sluice/testkit/prometheus";
import { expect, it } from "vitest";
import { call } from "./http.js";
import { startTestSidecar } from "./sidecars.js";

it("Prometheus's own linter finds nothing in what a sidecar exports, names of every kind of character included", {
  timeout: 60_000,
}, async () => {
  const sidecar = await startTestSidecar({
    store: memoryStore(),
    environment: { SLUICE_METRICS_MAX_SEMAPHORES: "5" },
  });
  for (const name of ["a", "A.b_c:d-e", "other", "9", `x${":".repeat(127)}`, "beyond", "the-bound"]) {
    const path = `/v1/semaphores/${name}/acquire`;
    const { status } = await call(sidecar.url, "POST", path, { body: { limit: 1 } });
    expect(status, name).toBe(200);
    // Nobody waits here, and nobody is granted more.
    expect((await call(sidecar.url, "POST", path, { body: {} })).status, name).toBe(429);
  }
  await call(sidecar.url, "GET", "/nothing");
  const { text } = await call(sidecar.url, "GET", "/metrics");
  expect(await promtool(["check", "metrics"], { input: text })).toEqual({ code: 0, output: "" });
  await sidecar.close();
});
