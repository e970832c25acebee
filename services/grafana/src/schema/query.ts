import type { DataQuery } from "@grafana/schema";

/** The data source that is chosen at the top of the dashboard. */
export interface PrometheusRef {
  type: "prometheus";
  uid: "${datasource}";
}

/**
 * A query as Grafana's Prometheus data source reads it. The published schema leaves queries open; these are the fields of
 * `PromQuery` in `packages/grafana-prometheus` that a dashboard needs.
 */
export interface Query extends Pick<DataQuery, "refId" | "hide"> {
  datasource: PrometheusRef;
  editorMode: "code";
  expr: string;
  /** `table` gives one row a series, `heatmap` takes buckets apart that are cumulative. */
  format: "time_series" | "table" | "heatmap";
  /** One value, of the end of the time range, instead of values over it. */
  instant: boolean;
  range: boolean;
  /** `{{label}}` stands for the label's value. */
  legendFormat: string;
}

/** What a variable asks Prometheus for: `label_values(metric, label)`. */
export interface VariableQuery {
  /** 1: label values. */
  qryType: 1;
  query: string;
  refId: string;
}
