import { prometheus } from "./panels/common.js";
import { ofProcesses } from "./promql.js";
import type { Variable } from "./schema/dashboard.js";

/** Of the data source in provisioning/datasources/prometheus.yml. */
export const datasourceUid = "sluice-prometheus";

export const variables: Variable[] = [
  {
    type: "datasource",
    name: "datasource",
    label: "Prometheus",
    description: "Which Prometheus scrapes the fleet.",
    query: "prometheus",
    regex: "",
    current: { text: "Prometheus", value: datasourceUid },
    options: [],
    refresh: 1,
    multi: false,
    includeAll: false,
    hide: 0,
    skipUrlSync: false,
  },
  {
    type: "query",
    name: "job",
    label: "Fleet",
    description: "The scrape job of the processes that share one store.",
    datasource: prometheus,
    // Not of a metric that the store gives: those are missing while it is away.
    query: labelValues("sluice_store_up", "job"),
    regex: "",
    current: { text: "sluice", value: "sluice" },
    options: [],
    refresh: 2,
    sort: 1,
    multi: false,
    includeAll: false,
    hide: 0,
    skipUrlSync: false,
  },
  {
    type: "query",
    name: "semaphore",
    label: "Semaphore",
    description: "Which semaphores the panels show.",
    datasource: prometheus,
    query: labelValues(ofProcesses("sluice_limit"), "semaphore"),
    regex: "",
    current: { text: ["All"], value: ["$__all"] },
    options: [],
    refresh: 2,
    sort: 5,
    multi: true,
    includeAll: true,
    // Matches also those that have gone since; and a list of a hundred names makes a long query.
    allValue: ".+",
    hide: 0,
    skipUrlSync: false,
  },
  {
    type: "textbox",
    name: "console",
    label: "Console",
    description: "Where the browser reaches a sidecar of this fleet: links lead there.",
    query: "http://localhost:7077",
    current: { text: "http://localhost:7077", value: "http://localhost:7077" },
    options: [],
    hide: 0,
    skipUrlSync: false,
  },
];

function labelValues(series: string, label: string) {
  return { qryType: 1 as const, query: `label_values(${series}, ${label})`, refId: "VariableQuery" };
}
