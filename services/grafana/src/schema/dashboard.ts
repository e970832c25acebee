import type * as schema from "@grafana/schema";
import type { Panel, Row } from "./panel.js";
import type { Plain } from "./plain.js";
import type { PrometheusRef, Query, VariableQuery } from "./query.js";

export interface Variable extends Plain<Omit<schema.VariableModel, "query" | "datasource">> {
  query: string | VariableQuery;
  datasource?: PrometheusRef;
}

/** Marks on every panel. The last three fields are those of the Prometheus data source. */
export interface Annotation extends Plain<Omit<schema.AnnotationQuery, "target" | "datasource">> {
  datasource: PrometheusRef | { type: "grafana"; uid: "-- Grafana --" };
  target?: Pick<Query, "refId" | "expr" | "legendFormat">;
  /** `{{label}}` stands for the label's value. */
  titleFormat?: string;
  textFormat?: string;
  /** The labels whose values become tags, by commas. */
  tagKeys?: string;
}

export interface Dashboard
  extends Plain<Omit<schema.Dashboard, "panels" | "annotations" | "templating" | "snapshot">> {
  panels: (Panel | Row)[];
  annotations: { list: Annotation[] };
  templating: { list: Variable[] };
}
