import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type PrometheusServer, promtool, startPrometheus } from "../src/prometheus/index.js";
import { until } from "../src/until.js";

const folder = mkdtempSync(join(tmpdir(), "sluice-prometheus-test-"));
const rules = join(folder, "rules.yml");
const exporter = createServer((_request, response) => response.end('temperature{room="hall"} 21\n'));
let target: string;
let prometheus: PrometheusServer;

beforeAll(async () => {
  writeFileSync(
    rules,
    JSON.stringify({
      groups: [
        {
          name: "rooms",
          rules: [
            { record: "room:temperature:max", expr: "max by (room) (temperature)" },
            { alert: "Warm", expr: "temperature > 20", annotations: { summary: "{{ $value }} degrees" } },
          ],
        },
      ],
    }),
  );
  await new Promise<void>((resolve) => exporter.listen(0, "127.0.0.1", resolve));
  target = `127.0.0.1:${(exporter.address() as AddressInfo).port}`;
  prometheus = await startPrometheus({ targets: [target], rules: [rules] });
});

afterAll(async () => {
  await prometheus?.stop();
  exporter.close();
  rmSync(folder, { recursive: true });
});

describe("a Prometheus of the testkit", () => {
  it("scrapes its targets, and answers queries of an instant and of a range", async () => {
    const found = await until(async () => (await prometheus.query("room:temperature:max")).series[0], {
      what: "the rule's first value",
      timeoutMs: 20_000,
    });
    expect(found.metric).toEqual({ __name__: "room:temperature:max", room: "hall" });
    expect(found.value?.[1]).toBe("21");
    const now = Date.now() / 1_000;
    const range = await prometheus.queryRange("temperature", { start: now - 30, end: now, step: 1 });
    expect(range.series[0]?.values?.length).toBeGreaterThan(0);
    expect(await prometheus.query("1 + 1")).toMatchObject({
      resultType: "scalar",
      series: [{ value: [expect.any(Number), "2"] }],
    });
  });

  it("tells of targets, rules, alerts and series", async () => {
    expect(await prometheus.targets()).toMatchObject([{ health: "up", labels: { instance: target } }]);
    await until(async () => (await prometheus.alerts()).length > 0, { what: "the alert", timeoutMs: 20_000 });
    expect(await prometheus.alerts()).toMatchObject([
      {
        labels: { alertname: "Warm", room: "hall" },
        annotations: { summary: "21 degrees" },
        state: "firing",
      },
    ]);
    expect(await prometheus.rules()).toMatchObject([
      { name: "room:temperature:max", type: "recording", health: "ok", group: "rooms" },
      { name: "Warm", type: "alerting", health: "ok", state: "firing" },
    ]);
    expect(await prometheus.series('{room="hall"}')).toContainEqual(
      expect.objectContaining({ __name__: "temperature" }),
    );
  });

  it("refuses a query in its own words", async () => {
    await expect(prometheus.query("rate(")).rejects.toThrow("parse error");
  });

  it("says in its log why it does not start", async () => {
    await expect(startPrometheus({ config: "scrape_configs: 7" })).rejects.toThrow("cannot unmarshal");
  });
});

describe("promtool", () => {
  it("checks files and what it is given to read", async () => {
    expect((await promtool(["check", "rules", rules])).output).toContain("2 rules found");
    const lint = await promtool(["check", "metrics"], { input: "requests_count 1\n" });
    expect(lint.code).not.toBe(0);
    expect(lint.output).toContain("requests_count");
  });
});
