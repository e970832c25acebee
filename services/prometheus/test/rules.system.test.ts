import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { promtool } from "@sluice/testkit/prometheus";
import { describe, expect, it } from "vitest";
import {
  alertRules,
  folder,
  groups,
  read,
  recordingRules,
  ruleFiles,
  testFileAt,
  testFiles,
} from "./files.js";

/** By which the processes of one job differ; every aggregation over them names all of these. */
const processLabels = "(instance, pod, container, endpoint, node";

const scenarios = testFiles.flatMap((file) => testFileAt(file).tests);
const alertCases = scenarios.flatMap(({ alert_rule_test: cases = [] }) => cases);
const queries = scenarios.flatMap(({ promql_expr_test: cases = [] }) => cases.map(({ expr }) => expr));

describe("promtool", () => {
  it("finds no fault with the configuration", async () => {
    const work = mkdtempSync(join(tmpdir(), "sluice-prometheus-config-"));
    try {
      const config = join(work, "prometheus.yml");
      writeFileSync(join(work, "token"), "");
      const text = read("services/prometheus/prometheus.yml")
        .replace("/run/secrets/prometheus_token", join(work, "token"))
        .replace("rules/*.yml", join(folder, "rules/*.yml"));
      writeFileSync(config, text);
      const { code, output } = await promtool(["check", "config", "--lint-fatal", config]);
      expect(code, output).toBe(0);
      expect(output).toContain(`${ruleFiles.length} rule files found`);
    } finally {
      rmSync(work, { recursive: true });
    }
  });

  it("finds no fault with the rules", async () => {
    const { code, output } = await promtool(["check", "rules", "--lint-fatal", ...ruleFiles]);
    expect(code, output).toBe(0);
  });

  it.each(testFiles.map((file) => relative(folder, file)))("passes %s", async (file) => {
    const { code, output } = await promtool(["test", "rules", join(folder, file)]);
    expect(code, output).toBe(0);
  });
});

describe("the unit tests", () => {
  it.each(alertRules)("say when $alert fires, and when it stays silent", ({ alert }) => {
    const own = alertCases.filter(({ alertname }) => alertname === alert);
    const firing = own.filter(({ exp_alerts: alerts = [] }) => alerts.length > 0);
    expect(firing).not.toEqual([]);
    expect(own.length).toBeGreaterThan(firing.length);
  });

  it.each(recordingRules)("say what $record is", ({ record }) => {
    expect(queries.filter((query) => query.split(/[^\w:]/).includes(record))).not.toEqual([]);
  });

  it.each(testFiles)("of %s name only alerts that exist, and run every group in its order", (file) => {
    const { group_eval_order: order, tests } = testFileAt(file);
    const named = tests.flatMap(({ alert_rule_test: cases = [] }) => cases.map(({ alertname }) => alertname));
    const known: readonly string[] = alertRules.map(({ alert }) => alert);
    for (const alert of named) expect(known).toContain(alert);
    expect([...order].sort()).toEqual(groups.map(({ name }) => name).sort());
  });
});

describe("the alerts", () => {
  it.each(alertRules)("of which $alert is one say how urgent they are, and what to do", (rule) => {
    expect(Object.keys(rule.annotations)).toEqual(["summary", "description", "runbook"]);
    expect(rule.annotations.runbook).toBe(`docs/alerts.md#${rule.alert.toLowerCase()}`);
    expect(Object.keys(rule.labels)).toEqual(["severity"]);
    expect(["page", "ticket"]).toContain(rule.labels.severity);
    expect(rule.alert).toMatch(/^Sluice[A-Z]/);
  });

  it("have names of their own", () => {
    const names = alertRules.map(({ alert }) => alert);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe("the rules", () => {
  it.each([...alertRules, ...recordingRules])("keep jobs apart: $expr", ({ expr }) => {
    expect(expr).not.toMatch(/\bby\b/);
    for (const [, dropped = ""] of expr.matchAll(/without (\([^)]*)\)/g))
      expect([processLabels, `${processLabels}, version`, "(semaphore", "(outcome"]).toContain(dropped);
  });
});
