import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { datasourceUid } from "../src/variables.js";
import { asked, dashboard, read, root } from "./files.js";
import { selectionsIn } from "./selections.js";

interface Compose {
  readonly services: Readonly<Record<string, { readonly volumes?: readonly (string | Mount)[] }>>;
}

interface Mount {
  readonly source: string;
  readonly target: string;
}

interface Rules {
  readonly groups: readonly {
    readonly rules: readonly {
      readonly alert?: string;
      readonly labels?: Readonly<Record<string, string>>;
    }[];
  }[];
}

const [datasource] = parse(read("services/grafana/provisioning/datasources/prometheus.yml")).datasources;
const [provider] = parse(read("services/grafana/provisioning/dashboards/sluice.yml")).providers;
const prometheus = parse(read("services/prometheus/prometheus.yml"));
const compose: Compose = parse(read("docker-compose.yml"));

describe("the data source", () => {
  it("is the one that the dashboard begins with", () => {
    const [variable] = dashboard.templating.list;
    expect(variable).toMatchObject({ type: "datasource", query: datasource.type });
    expect([datasource.uid, variable?.current?.value]).toEqual([datasourceUid, datasourceUid]);
  });

  it("is the Prometheus of docker-compose.yml", () => {
    const { hostname, port } = new URL(datasource.url);
    expect(Object.keys(compose.services)).toContain(hostname);
    expect(port).toBe("9090");
  });

  it("knows how often Prometheus scrapes, which rates are reckoned from", () => {
    expect(datasource.jsonData.timeInterval).toBe(prometheus.global.scrape_interval);
  });
});

describe("Grafana in docker-compose.yml", () => {
  it("finds the provisioning files where it looks for them", () => {
    for (const path of ["datasources/prometheus.yml", "dashboards/sluice.yml"])
      expect(read(fromHost(`/etc/grafana/provisioning/${path}`))).toBe(
        read(`services/grafana/provisioning/${path}`),
      );
  });

  it("finds the dashboard where those say it is", () => {
    const path = fromHost(`${provider.options.path}/sluice.json`);
    expect(existsSync(join(root, path)), path).toBe(true);
  });
});

it("the fleet of docker-compose.yml is shown first", () => {
  const jobs = prometheus.scrape_configs.map(({ job_name }: { job_name: string }) => job_name);
  const fleet = dashboard.templating.list.find(({ name }) => name === "job");
  expect(jobs).toContain(fleet?.current?.value);
});

it("the table of alerts finds every alert of services/prometheus", () => {
  const [selection] = asked().flatMap(({ expr }) =>
    selectionsIn(expr).filter(({ metric }) => metric === "ALERTS"),
  );
  const name = selection?.matchers.find(({ label }) => label === "alertname")?.value ?? "";
  const rules = alerts();
  expect(rules.length).toBeGreaterThan(5);
  for (const { alert, labels } of rules) {
    expect(alert).toMatch(new RegExp(`^(?:${name})$`));
    expect(labels).toHaveProperty("severity");
  }
});

/** The file that a path within the container leads to, from the root of the repository. */
function fromHost(path: string): string {
  for (const volume of compose.services.grafana?.volumes ?? []) {
    const [source = "", target = ""] =
      typeof volume === "string" ? volume.split(":") : [volume.source, volume.target];
    if (path === target || path.startsWith(`${target}/`)) return join(source, path.slice(target.length));
  }
  throw new Error(`docker-compose.yml gives Grafana no ${path}`);
}

function alerts() {
  const rules: Rules = parse(read("services/prometheus/rules/sluice.alerts.yml"));
  return rules.groups.flatMap((group) => group.rules.filter(({ alert }) => alert !== undefined));
}
