import { readFileSync, writeFileSync } from "node:fs";
import { until } from "@sluice/testkit";
import { type PrometheusServer, promtool, type Series } from "@sluice/testkit/prometheus";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { alertRules, recordingRules } from "./files.js";
import { type Answer, rowsOf, withTable } from "./live/answers.js";
import { Fleet } from "./live/fleet.js";
import { Load } from "./live/load.js";
import { type PanelQuery, queriesOfPanels, queriesOfVariables } from "./live/panels.js";
import { intervalS, startShippedPrometheus } from "./live/shipped.js";
import { withoutThresholds } from "./promql.js";

/** A port of loopback where nobody listens. */
const nobody = "127.0.0.1:1";
const stepS = 2;
const patience = { timeoutMs: 90_000, everyMs: 500 };

let fleet: Fleet;
let load: Load;
let prometheus: PrometheusServer;
let stopPrometheus: () => Promise<void> = async () => {};
let startedAt: number;
const answers: Answer[] = [];

const nowS = () => Date.now() / 1_000;

beforeAll(async () => {
  fleet = await Fleet.startWithoutRedis();
  const started = await startShippedPrometheus([...fleet.targets, nobody], fleet.tokenFile);
  prometheus = started.server;
  stopPrometheus = started.stop;
  startedAt = nowS();
}, 120_000);

afterAll(async () => {
  await load?.stop();
  await stopPrometheus();
  await fleet?.stop();
}, 60_000);

describe("two sidecars, their Redis and the Prometheus that is shipped", () => {
  it("raise the alarm while the store is away, and for a sidecar that does not answer", async () => {
    await fires("SluiceStoreDown", { job: "sluice", severity: "page" });
    await fires("SluiceSidecarDown", { instance: nobody, severity: "ticket" });
  });

  it("are silent about the store once it is there", async () => {
    await fleet.redis.start();
    await until(async () => !(await firing()).some(({ labels }) => labels.alertname === "SluiceStoreDown"), {
      what: "SluiceStoreDown to end",
      timeoutMs: 60_000,
    });
    load = new Load(fleet);
    await load.start();
  });

  it("raise the alarm about a semaphore that is held for good while others wait", async () => {
    await fires("SluiceStuck", { job: "sluice", semaphore: "stuck", severity: "page" });
    const about = (await firing()).filter(({ labels }) => labels.alertname === "SluiceStuck");
    expect(about.map(({ labels }) => labels.semaphore)).toEqual(["stuck"]);
  });

  it("see the store fail, come back empty, recover and go on", async () => {
    await fleet.redis.kill();
    await has('max(sluice_store_up{job="sluice"}) == 0');
    await fleet.redis.start();
    await has('max(sluice_recovery_active{job="sluice"}) > 0');
    await has(
      'max(sluice_recovery_active{job="sluice"}) == 0 and on () max(sluice_waiters{semaphore="stuck"}) > 0',
    );
    // As the dashboard counts them over its range: by points that are so far apart.
    await has(
      `sum(increase(max by (semaphore) (sluice_store_lapses_total{semaphore="short"})[30s:${stepS}s])) > 0`,
    );
  });

  it("give the same numbers of the store, whichever of them is asked", async () => {
    const same = (metric: string) => `count by (semaphore) (${metric}{job="sluice", semaphore="stuck"}) == 2`;
    for (const metric of ["sluice_limit", "sluice_permits_in_use", "sluice_waiters"]) {
      await has(same(metric));
      await has(
        `max by (semaphore) (${metric}{semaphore="stuck"}) - min by (semaphore) (${metric}{semaphore="stuck"}) == 0`,
      );
    }
  });

  it("export what promtool finds no fault with", async () => {
    for (const url of fleet.urls) {
      const { code, output } = await promtool(["check", "metrics"], { input: await fleet.metricsOf(url) });
      const faults = output.split("\n").filter((line) => line.startsWith("sluice_"));
      expect(faults).toEqual([]);
      expect([0, 3], output).toContain(code);
    }
  });
});

describe("after that load", () => {
  it("every rule was evaluated without an error", async () => {
    const rules = await prometheus.rules();
    expect(rules.length).toBe(alertRules.length + recordingRules.length);
    for (const { name, health, lastError } of rules)
      expect(`${name}: ${health} ${lastError ?? ""}`).toBe(`${name}: ok `);
  });

  it.each([...new Set(recordingRules.map(({ record }) => record))])("%s has data", async (record) => {
    await has(record);
  });

  it.each(
    alertRules.flatMap(({ alert, expr }) =>
      withoutThresholds(reachable(expr)).map((part) => ({ alert, part })),
    ),
  )("$alert has data in $part", async ({ part }) => {
    await has(part);
  });

  it.each(queriesOfVariables())("the variable $name has values", async ({ series, label }) => {
    const values = (await prometheus.series(series)).map((labels) => labels[label]);
    expect(values.filter((value) => value !== undefined)).not.toEqual([]);
  });

  it.each(queriesOfPanels(60, stepS).map((query, index) => ({ ...query, index })))(
    "the panel $panel has data: $expr",
    async ({ index, instant }) => {
      const rangeS = Math.ceil(nowS() - startedAt);
      const { panel, written, expr } = queriesOfPanels(rangeS, stepS)[index] as PanelQuery;
      const answer = await until(async () => described(await asked(expr, instant)), {
        what: `an answer to ${expr}`,
        ...patience,
      });
      answers.push({ panel, query: written, answer });
    },
  );

  it("the panels' answers are shown", () => {
    expect(answers.length).toBe(queriesOfPanels(60, stepS).length);
    const page = process.env.SLUICE_TEST_PANELS;
    if (page) writeFileSync(page, withTable(readFileSync(page, "utf8"), answers));
    else console.log(rowsOf(answers));
  });
});

/**
 * The expression in a world that has lasted for a minute, and in which no request has met an internal error: those that
 * were refused stand in.
 */
function reachable(expr: string): string {
  return expr.replaceAll(/offset \d+m/g, `offset ${intervalS}s`).replaceAll('status="500"', 'status="404"');
}

/** Resolves once the query has an answer that is a number. */
async function has(query: string): Promise<void> {
  await until(async () => described((await prometheus.query(query)).series), {
    what: `an answer to ${query}`,
    ...patience,
  });
}

async function asked(expr: string, instant: boolean): Promise<readonly Series[]> {
  if (instant) return (await prometheus.query(expr)).series;
  return (await prometheus.queryRange(expr, { start: startedAt, end: nowS(), step: stepS })).series;
}

/** Undefined where no series has a number. */
function described(series: readonly Series[]): string | undefined {
  const numbers = series.flatMap(({ value, values = [] }) =>
    [...values, ...(value === undefined ? [] : [value])]
      .map(([, text]) => Number(text))
      .filter(Number.isFinite),
  );
  if (numbers.length === 0) return undefined;
  const [least, most] = [Math.min(...numbers), Math.max(...numbers)].map((value) =>
    Number(value.toPrecision(4)),
  );
  const points = numbers.length === 1 ? "1 point" : `${numbers.length} points`;
  return `${series.length} series, ${points}, ${least === most ? least : `${least} to ${most}`}`;
}

async function firing() {
  return (await prometheus.alerts()).filter(({ state }) => state === "firing");
}

async function fires(alertname: string, labels: Readonly<Record<string, string>>): Promise<void> {
  const wanted = Object.entries({ alertname, ...labels });
  const found = async () =>
    (await firing()).some((alert) => wanted.every(([name, value]) => alert.labels[name] === value));
  await until(found, { what: `${alertname} to fire`, ...patience });
}
