import { collectDefaultMetrics, Registry } from "prom-client";
import { describe, expect, it } from "vitest";
import { type Asked, asked, dashboard, panels, read, sources } from "./files.js";
import { selectionsIn } from "./selections.js";

const fromStore = metricsIn("from the store");
const ofProcess = metricsIn("from this process");
const ofNode = await metricsOfNode();
/** What Prometheus itself says of the alerts it has loaded. */
const ofPrometheus = ["ALERTS"];

/** Of a process as a whole. */
const withoutSemaphore = [
  "sluice_store_up",
  "sluice_store_errors_total",
  "sluice_store_roundtrip_seconds",
  "sluice_store_batch_operations",
  "sluice_http_request_duration_seconds",
  "sluice_sessions",
  "sluice_build_info",
];

const selected = asked().flatMap(({ by, expr }) =>
  selectionsIn(expr).map((selection) => ({ by, ...selection })),
);

describe("every query", () => {
  it.each([...asked(), ...sources()])("of $by is PromQL that names metrics which exist", ({ expr }) => {
    const known = [...fromStore.keys(), ...ofProcess.keys(), ...ofNode, ...ofPrometheus];
    const selections = selectionsIn(expr);
    expect(selections).not.toEqual([]);
    for (const { metric } of selections) expect(known).toContain(withoutSuffix(metric));
  });

  it.each(asked())("of $by is of one fleet, and of the semaphores that are chosen", ({ expr }: Asked) => {
    for (const { metric, matchers } of selectionsIn(expr)) {
      const filters = matchers.map(({ label, op, value }) => `${label}${op}${value}`);
      if (ofPrometheus.includes(metric)) {
        // Some alerts are about no job or no semaphore: those have neither label.
        expect(filters).toEqual(expect.arrayContaining(["job=~$job|", "semaphore=~$semaphore|"]));
        continue;
      }
      expect(filters, metric).toContain("job=$job");
      if (hasSemaphore(metric)) expect(filters, metric).toContain("semaphore=~$semaphore");
      else expect(filters.join(), metric).not.toContain("semaphore");
    }
  });
});

describe("the sum over processes", () => {
  const ofStore = selected.filter(({ metric }) => fromStore.has(metric));
  const counted = selected.filter(({ metric }) => isCounted(metric));

  it.each(ofStore)("is not taken of $metric, which the store says to all of them ($by)", ({ within }) => {
    expect(aggregationsIn(within)[0]).toMatch(/^(max|min) by \(semaphore\)$/);
  });

  it.each(counted)("is taken of $metric, of which each counts its own ($by)", ({ within }) => {
    expect(aggregationsIn(within)[0]).toMatch(/^sum( by \([\w, ]+\))?$/);
  });

  it("concerns metrics of both kinds", () => {
    expect(ofStore.length).toBeGreaterThan(20);
    expect(counted.length).toBeGreaterThan(20);
  });
});

it.each(selected)("$metric is read as its type asks ($by)", ({ metric, within }) => {
  // The number of the store is one and the same in all processes: how it grew may be asked of the highest.
  const [first = ""] = fromStore.has(metric)
    ? within.filter((step) => step !== "max by (semaphore)")
    : within;
  if (isCounter(metric)) expect(first).toMatch(/^(rate|increase)$/);
  else expect(first).not.toMatch(/^(rate|increase)$/);
});

it("the counters of the store leave out what semaphores without a label of their own share", () => {
  const counters = selected.filter(
    ({ metric }) => metric.startsWith("sluice_store_") && fromStore.has(metric),
  );
  expect(counters.length).toBeGreaterThan(4);
  for (const { metric, matchers } of counters)
    expect(matchers, metric).toContainEqual({ label: "semaphore", op: "!=", value: "other" });
});

it("every metric of the sidecar is on a panel", () => {
  const shown = new Set(selected.map(({ metric }) => withoutSuffix(metric)));
  expect([...fromStore.keys(), ...ofProcess.keys()].filter((metric) => !shown.has(metric))).toEqual([]);
});

it("every panel of lines by semaphore shows the ten highest", () => {
  for (const { title, type, targets, repeat } of panels()) {
    if (type !== "timeseries" || repeat !== undefined) continue;
    for (const { expr, legendFormat } of targets)
      if (legendFormat.includes("{{semaphore}}")) expect(expr, title).toMatch(/^topk\(10, /);
  }
});

it("the legend of every query names labels that its answer has", () => {
  const legends = [
    ...panels().flatMap(({ targets }) => targets.map(({ expr, legendFormat }) => ({ expr, legendFormat }))),
    ...dashboard.annotations.list.flatMap(({ target }) => target ?? []),
  ];
  for (const { expr, legendFormat } of legends) {
    const grouped = selectionsIn(expr).map(({ within }) => aggregationsIn(within).at(0) ?? "");
    for (const [, label = ""] of legendFormat.matchAll(/\{\{(\w+)\}\}/g))
      for (const aggregation of grouped) expect(aggregation, expr).toMatch(new RegExp(`\\b${label}\\b`));
  }
});

/** The metrics of a table of docs/metrics.md, each with its type. */
function metricsIn(table: string): Map<string, string> {
  const [, rows = ""] =
    new RegExp(`^\\| ${table} \\|.*\\n.*\\n((?:\\|.*\\n)+)`, "m").exec(read("docs/metrics.md")) ?? [];
  return new Map(
    [...rows.matchAll(/^\| `(\w+)` \| (\w+) \|/gm)].map(([, name = "", type = ""]) => [name, type]),
  );
}

async function metricsOfNode(): Promise<string[]> {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return registry.getMetricsAsArray().map(({ name }) => name);
}

function hasSemaphore(metric: string): boolean {
  const name = withoutSuffix(metric);
  return fromStore.has(name) || (ofProcess.has(name) && !withoutSemaphore.includes(name));
}

function isCounter(metric: string): boolean {
  const type = fromStore.get(withoutSuffix(metric)) ?? ofProcess.get(withoutSuffix(metric));
  return type === "counter" || type === "histogram" || metric === "process_cpu_seconds_total";
}

function isCounted(metric: string): boolean {
  return ofProcess.has(withoutSuffix(metric)) && isCounter(metric);
}

/** A histogram has three metrics. */
function withoutSuffix(metric: string): string {
  const name = metric.replace(/_(bucket|sum|count)$/, "");
  return ofProcess.get(name) === "histogram" ? name : metric;
}

function aggregationsIn(within: readonly string[]): string[] {
  return within.filter((step) => /^(sum|max|min|avg|count|topk|group|stddev|quantile)\b/.test(step));
}
