import type { OpenMetricsContentType, PrometheusContentType, Registry } from "prom-client";

/** A registry of prom-client, of either text format. */
export type AnyRegistry = Registry<PrometheusContentType> | Registry<OpenMetricsContentType>;
